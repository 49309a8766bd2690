"""Notebook 10's controls (ipywidgets); an executed copy, which has none, shows what they would show first."""

import asyncio
from collections.abc import Callable, Iterable, Iterator

import ipywidgets as W
from IPython import get_ipython
from IPython.display import Markdown, display

from adc.errors import UserError
from companion import data, registry
from companion.escape import markdown
from companion.use.explore import influence, lookup, pictures, tables, training
from companion.use.recommend import Recommender

# small enough for an epoch in about half a second on MovieLens
LIVE = {"dim": 16, "init": "random", "pretraining": "none", "epochs": 10, "device": "cpu"}
GAMMA, DEPTH = 2.0, 2
WRAP, WIDE = W.Layout(flex_flow="row wrap"), W.Layout(width="auto", flex="1 1 320px")


def has_reader() -> bool:
    """Whether somebody sits before the page: a front end that can ask its reader says so with every cell."""
    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return bool(parent.get("content", {}).get("allow_stdin"))


def fill(output: W.Output, contents: Iterable) -> None:
    """Put objects into an output: displayed there, they would be lost once the message that began a training
    has been answered."""
    formatted = map(get_ipython().display_formatter.format, contents)
    bundle = {"output_type": "display_data"}
    output.outputs = tuple(bundle | {"data": data, "metadata": metadata} for data, metadata in formatted)


class Job:
    """A training on the kernel's event loop, which serves the page between epochs; a new one ends it."""

    def __init__(self) -> None:
        self.stop, self.note = W.Button(description="Stop", icon="stop"), W.Label()
        self.row, self.output, self.task = W.HBox([self.stop, self.note]), W.Output(), None
        self.stop.on_click(lambda _: self.cancel())

    def start(self, epochs: Iterable[tuple], total: int) -> None:
        """Go through the epochs of a training, and display what each yields."""
        self.cancel()
        self.note.value = "Training …"
        self.task = asyncio.ensure_future(self._run(epochs, total))

    def cancel(self) -> None:
        """End it after the epoch that it is at."""
        if self.task:
            self.task.cancel()

    async def _run(self, epochs: Iterable[tuple], total: int) -> None:
        try:
            await asyncio.sleep(0.01)
            for epoch, contents in enumerate(epochs, 1):
                self.note.value = f"Epoch {epoch} of {total}."
                fill(self.output, contents)
                await asyncio.sleep(0.01)
        except UserError as error:
            self.note.value = str(error)
        except asyncio.CancelledError:
            self.note.value = "Stopped."


class Page:
    """A run of ADC with its rivals, a user, a target domain, and what notebook 10 shows of them.
    user: a query of `lookup.search`. target: a domain, empty: the smallest. UserError: one is unknown."""

    def __init__(self, dataset: str = "movielens", profile: str = "any", user: str = "", target: str = ""):
        self.dataset, self.reader, self.runs = dataset, has_reader(), lookup.stored(dataset, profile)
        if not lookup.adc_runs(self.runs):
            lookup.train_small(dataset)
            self.runs = lookup.stored(dataset)
        self.networks = {}  # by run folder: ADC's network for every target, and its distance from the stored
        self.history = None  # of the last live training
        options = [(lookup.run_name(run), run) for run in lookup.adc_runs(self.runs)]
        self.run = W.Dropdown(options=options, description="run", layout=WIDE)
        self.models = lookup.load_models(self.run.value, self.runs)
        self.target = W.Dropdown(options=self.adc.domains, description="target")
        self.target.index = self.adc.ratings.index(target or self.adc.domains[-1])
        self.query = W.Text(user, description="search", continuous_update=False)
        self.query.placeholder = "an id, or: active in Drama and Horror"
        self.user, self.trainings = W.Dropdown(description="user", layout=WIDE), W.IntText()
        self.note = W.Label()
        self._search()
        self.run.observe(self._follow, "value")
        self.query.observe(self._follow, "value")

    @property
    def adc(self) -> Recommender:
        return self.models[next(iter(self.models))]

    def _search(self) -> None:
        users = lookup.search(self.adc.split, self.query.value)
        before, ids = self.user.value, list(self.adc.users[users])
        self.user.options = lookup.user_options(self.adc.split, users)
        self.user.value = before if before in ids else ids[0]
        self.note.value = f"{len(users)} users found, the most active first."

    def _follow(self, change: dict) -> None:
        try:
            if change["owner"] is self.run:
                self.models = lookup.load_models(self.run.value, self.runs)
            self._search()
        except UserError as error:
            self.note.value = str(error)

    def _section(self, contents: Callable[[], tuple], *controls: W.Widget, on=()) -> W.Widget | None:
        """Controls above what belongs to the values of `on`, or else to the run, user and target chosen;
        without a reader only that."""
        if not self.reader:
            return display(*contents())
        output = W.Output()
        for widget in on or (self.run, self.user, self.target, self.trainings):
            widget.observe(lambda _: fill(output, contents()), "value")
        fill(output, contents())
        return W.VBox([W.HBox(controls, layout=WRAP), output])

    def person(self) -> W.Widget | None:
        """A run, a user by her id or by her domains, and her ratings."""
        return self._section(self._ratings, self.run, self.query, self.user, self.target, self.note)

    def _ratings(self) -> tuple:
        models = {label: model.run.folder.name if model else "none" for label, model in self.models.items()}
        folders = ", ".join(f"{label} `{folder}`" for label, folder in models.items())
        table = tables.ratings(self.adc.rated(self.user.value), self.adc.domains)
        return Markdown(f"Runs: {folders}."), Markdown(f"User **{markdown(self.user.value)}**:"), table

    def recommended(self) -> W.Widget | None:
        """The methods' lists side by side."""
        return self._section(self._lists)

    def _lists(self) -> tuple:
        user, target = self.user.value, self.target.value
        models = {label: model for label, model in self.models.items() if model}
        scores = {label: lookup.user_ndcg(model.run, user, target) for label, model in models.items()}
        return (tables.lists(lookup.lists(models, user, target), scores),)

    def drivers(self) -> W.Widget | None:
        """Which of her domains drove ADC's list; the run's network is trained again first."""
        button, job = W.Button(description="Ask the network", icon="question"), Job()
        last = max(self.adc.run.metrics["best_epoch"].values())
        button.on_click(lambda _: job.start(self._retrain(), last))
        if not self.reader:
            list(self._retrain())
        return self._section(self._influence, button, job.row)

    def _retrain(self) -> Iterator[tuple]:
        run = self.adc.run
        for result in training.retrain(run, self.adc.split):
            last = result
            yield ()
        self.networks[run.folder] = last
        self.trainings.value += 1  # redraws

    def _influence(self) -> tuple:
        if self.adc.run.folder not in self.networks:
            return ()
        networks, gap = self.networks[self.adc.run.folder]
        k, row = self.adc.ratings.index(self.target.value), self.adc.row(self.user.value)
        result = influence.influence(networks[k], self.adc.split, row, k)
        table = [tables.influence(result)] if len(result.summary) else []
        distance = Markdown(f"Largest difference of z from what the run stored: {gap:.1e}.")
        return Markdown(influence.describe(result)), *table, distance

    def training(self) -> W.Widget | None:
        """A small ADC, trained whenever γ, h or λ is moved."""
        look = {"continuous_update": False, "layout": WIDE}
        start = registry.configure_tuned("adc", self.dataset)["agreement_weight"]
        sliders = {
            "gamma": W.FloatSlider(GAMMA, min=0, max=3, step=0.25, description="γ", **look),
            "hidden_layers": W.IntSlider(DEPTH, min=1, max=5, description="h", **look),
            "agreement_weight": W.FloatLogSlider(start, min=-4, max=2, step=0.25, description="λ", **look),
        }
        epochs = lambda: self._live({name: slider.value for name, slider in sliders.items()})
        if not self.reader:
            *_, contents = epochs()
            return display(*contents)
        job = Job()
        job.start(epochs(), LIVE["epochs"])
        for slider in sliders.values():
            slider.observe(lambda _: job.start(epochs(), LIVE["epochs"]), "value")
        return W.VBox([W.HBox(list(sliders.values()), layout=WRAP), job.row, job.output])

    def _live(self, settings: dict) -> Iterator[tuple]:
        config = registry.configure_tuned("adc", self.dataset, **LIVE, **settings)
        words = [f"γ = {config['gamma']:g}", f"h = {config['hidden_layers']}"]
        words += [f"λ = {config['agreement_weight']:.2g}", f"d = {config['dim']}"]
        label, before = f"{', '.join(words)}: {data.label(self.dataset)}", self.history
        for self.history in training.epochs(config, registry.load_split(config)):
            figure = pictures.live(self.history, before, config["epochs"], label)
            yield figure, tables.last_epoch(self.history)

    def compare(self) -> W.Widget | None:
        """Runs side by side: in what they differ, and their curves."""
        first = [model.run for model in self.models.values() if model] + lookup.adc_runs(self.runs)[1:2]
        options = [(lookup.run_name(run), run) for run in self.runs]
        runs = W.SelectMultiple(options=options, value=first, rows=7, description="runs", layout=WIDE)
        domain = W.Dropdown(options=["all", *self.adc.domains], description="domain")
        shown = lambda: self._comparison(runs.value, domain.value)
        return self._section(shown, runs, domain, on=(runs, domain))

    def _comparison(self, runs: tuple, domain: str) -> tuple:
        if not runs:
            return ()
        where = "mean over the domains" if domain == "all" else domain
        label = f"{data.label(self.dataset)}: {where}, every item ranked"
        curves = lookup.learning_curves(runs, "" if domain == "all" else domain)
        return lookup.differences(runs), pictures.curves(*curves, label)
