"""The controls of notebook 10 (ipywidgets). A page that nobody can click, an executed copy, gets what they would show."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import ipywidgets as W
from IPython.display import HTML, display
from matplotlib.figure import Figure
from traitlets import Any, HasTraits, Int, Unicode

from adc import data, report
from adc.data.schema import Ratings
from adc.errors import UserError
from adc.explore import cards, drivers, lookup, pictures, watch
from adc.explore.task import LABEL, WIDE, Task, usable
from adc.explore.watch import Tell
from adc.model import ADC
from adc.runs import Run

Part: TypeAlias = W.Widget | HTML  # what a page shows to somebody, and to nobody
SAME = 1e-3  # difference of z up to which networks trained again count as those of the run


class Lab(HasTraits):
    """What the page is about; its parts watch `turn`, which counts the runs opened, `user` (her id) and `domain`."""

    turn, user, domain = Int(), Any(), Unicode()

    def __init__(self, dataset: str = "movielens", profile: str = "any", user: str | int = "", target: str = ""):
        super().__init__()
        self.profile, self.usable, self.query, self.target = profile, usable(), str(user), target
        self.networks: dict[Path, tuple[list[ADC], float]] = {}  # by the run's folder: a network a target, distance from what is stored
        self.here: lookup.Opened | None = None
        self.look(dataset)
        if target:
            self.ratings.index(target)  # an unknown one is told
        if self.query and self.here:
            lookup.search(self.here.adc.parts, self.query)  # likewise; among other data, later, another query may stand in

    def look(self, dataset: str, chosen: str = "") -> None:
        """Find the runs of a dataset and open one, by its folder's name, or else the best on validation."""
        self._take(dataset, data.load(dataset), lookup.stored(dataset, self.profile), chosen)

    def open(self, chosen: str) -> None:
        """Open another of the runs found."""
        self._take(self.dataset, self.ratings, self.found, chosen)

    def _take(self, dataset: str, ratings: Ratings, found: list[Run], chosen: str) -> None:
        """Take a run of ADC with its rivals, nothing where there is none; what fails leaves all as it was."""
        there = lookup.networks(found)
        run = next((run for run in there if run.folder.name == chosen), there[0] if there else None)
        here = lookup.opened(run, found) if run else None
        domains, user = here.adc.domains if here else ratings.domains, self.user
        if here and user not in here.adc.users:
            query, _ = lookup.first(here.adc.parts, self.query)
            user = here.adc.users[lookup.search(here.adc.parts, query)[0]]
        target = next((name for name in (self.domain, self.target) if name in domains), domains[-1])
        self.dataset, self.ratings, self.found = dataset, ratings, found
        with self.hold_trait_notifications():
            self.here, self.user, self.domain = here, user if here else None, target
            self.turn += 1

    def opened(self) -> lookup.Opened:
        """The run that is open, for parts that come only where there is one."""
        assert self.here is not None
        return self.here

    # what the parts show

    def runs_card(self) -> str:
        """Which data and which runs the page is about."""
        if self.here is None:
            return cards.note(
                f"No run of ADC on '{self.dataset}' yet (profile: {self.profile}). `./run_all.sh --data {report.source(self.dataset)}` makes "
                f"those of the comparison, 03_train_adc and 04_baselines one each; in JupyterLab a button here trains a small one."
            )
        return cards.sources({name: model.run if model else None for name, model in self.here.models.items()})

    def ratings_card(self) -> str:
        """The user's ratings."""
        return cards.ratings(self.here.adc.rated(self.user), self.here.adc.domains) if self.here else ""

    def lists_card(self) -> str:
        """The methods' lists for the user."""
        if self.here is None:
            return cards.note("Needs a run of ADC, see above.")
        scores = {name: lookup.measured(m.run, self.user, self.domain) for name, m in self.here.models.items() if m}
        return cards.lists(lookup.lists(self.here, self.user, self.domain), scores)

    def influence(self) -> drivers.Influence:
        """What drove ADC's list, once its network is there."""
        model = self.opened().adc
        k = model.ratings.index(self.domain)
        return drivers.influence(self.networks[model.run.folder][0][k], model.parts, model.row(self.user), k)

    def pull(self, found: drivers.Influence) -> Figure:
        """The pulls, drawn."""
        return pictures.pull(found.summary, self.opened().adc.domains, f"User {self.user}, {self.domain} · {data.label(self.dataset)}")

    def ask(self, tell: Tell) -> str:
        """Train the opened run's networks again, in memory; returns how far they are from what was stored."""
        model = self.opened().adc
        networks, gap = watch.again(model.run, model.parts, tell)
        self.networks[model.run.folder] = networks, gap
        other = "" if gap < SAME else " So this is another training by the same configuration, not the stored one."
        return f"Trained again from the run's configuration; largest difference of z from what the run stored: {gap:.1e}.{other}"

    def train(self, tell: Tell, say: Callable[[str], None]) -> str:
        """Train and store what is missing, and open it; returns a closing sentence."""
        before = 0
        for config in lookup.missing(self.dataset, self.here):
            say(f"Training {config['method']} {config['variant']} …")
            watch.run(config, partial(lambda before, passes: tell(before + passes), before))
            before += watch.passes(config)
        named, self.profile = self.profile, "any"  # what is trained here belongs to no profile
        self.look(self.dataset, self.here.adc.run.folder.name if self.here else "")
        return "Trained, tested and stored." + (f" The page now shows all stored runs, not only those of '{named}'." if named != "any" else "")

    # the parts: controls with what they show, or that alone

    def choose(self) -> Part:
        """Dataset and run; a button that trains what is missing."""
        return chooser(self) if self.usable else HTML(self.runs_card())

    def person(self) -> Part:
        """A user, found by her id or by her domains, and her ratings."""
        if self.usable:
            return finder(self)
        head = cards.card(f"<p>User <b>{self.user}</b></p>") if self.here else cards.note("Needs a run of ADC, see above.")
        return HTML(head + self.ratings_card())

    def recommended(self) -> Part:
        """The three lists."""
        return shown(self, self.lists_card) if self.usable else HTML(self.lists_card())

    def drivers(self) -> Part:
        """Which of her domains drove ADC's list."""
        if self.usable:
            return asker(self)
        if self.here is None:
            return HTML(cards.note("Needs a run of ADC, see above."))
        told, found = self.ask(lambda passes: None), self.influence()
        display(HTML(cards.influence(found)))
        if not found.summary.empty:
            display(pictures.picture(self.pull(found)))
        return HTML(cards.note(told))


def shown(lab: Lab, card: Callable[[], str]) -> W.HTML:
    """A card that follows the page's choice."""
    page = W.HTML(card())
    lab.observe(lambda _: setattr(page, "value", card()), ["turn", "user", "domain"])
    return page


def chooser(lab: Lab) -> W.Widget:
    """Dropdowns of datasets and runs, and the button for a first run."""
    dataset = W.Dropdown(options=lookup.datasets(), value=lab.dataset, description="dataset", style=LABEL, layout=WIDE)
    run = W.Dropdown(description="run", style=LABEL, layout=W.Layout(width="auto", flex="2 1 460px"))
    train = W.Button(icon="play", button_style="primary", layout=W.Layout(width="auto"))
    task, card, state = Task(), shown(lab, lab.runs_card), {"filling": False}
    names = {"adc": "a small ADC", "bpr": "BPR", "popularity": "popularity"}

    def refresh(_: object = None) -> None:
        wanted = [names[config["method"]] for config in lookup.missing(lab.dataset, lab.here)]
        train.description = "Train " + ", ".join(wanted)
        train.layout.display = "" if wanted else "none"
        state["filling"] = True
        dataset.value = lab.dataset
        run.options = [(lookup.name(r), r.folder.name) for r in lookup.networks(lab.found)]
        run.value = lab.here.adc.run.folder.name if lab.here else None
        state["filling"] = False

    def change(to: dict) -> None:
        if state["filling"] or not to["new"]:
            return
        try:
            (lab.open if to["owner"] is run else lab.look)(to["new"])
        except UserError as error:
            task.say(str(error))
            refresh()  # back to what is open

    def begin(_: W.Button) -> None:
        most = sum(map(watch.passes, lookup.missing(lab.dataset, lab.here)))
        task.start(partial(lab.train, say=task.say), most, "Preparing …")

    train.on_click(begin)
    dataset.observe(change, "value")
    run.observe(change, "value")
    lab.observe(refresh, "turn")
    refresh()
    row = W.Layout(flex_flow="row wrap")
    return W.VBox([W.HBox([dataset, run], layout=row), W.HBox([train, task.row], layout=row), card])


def finder(lab: Lab) -> W.Widget:
    """A search for users, the users found, the target domain, and her ratings."""
    query = W.Text(description="search", continuous_update=False, style=LABEL, layout=WIDE, placeholder="an id, or: active in Drama and Horror")
    users = W.Dropdown(description="user", style=LABEL, layout=W.Layout(width="auto", flex="2 1 460px"))
    target = W.Dropdown(description="target", style=LABEL, layout=WIDE)
    said, card = W.HTML(), shown(lab, lab.ratings_card)
    state: dict[str, object] = {"about": None, "begun": ""}

    def search(_: object = None) -> None:
        if lab.here is None:
            return
        try:
            found = lookup.search(lab.here.adc.parts, query.value)
        except UserError as error:
            said.value = cards.note(str(error))
            return
        said.value = cards.note(f"{len(found)} user{'s' * (len(found) != 1)} found, the most active first.")
        before = lab.user  # new options choose their first by themselves
        users.options = lookup.described(lab.here.adc.parts, found)
        ids = [user for _, user in users.options]
        users.value = before if before in ids else ids[0]

    def follow(_: object = None) -> None:
        if lab.here is None:
            return
        target.options, target.value = lab.here.adc.domains, lab.domain
        wrong, about = "", (lab.dataset, lab.here.adc.domains)
        if state["about"] != about or query.value == state["begun"]:  # what she typed stays, but not among other data
            query.value, wrong = lookup.first(lab.here.adc.parts, lab.query)
            state.update(about=about, begun=query.value)
        search()
        if wrong:
            said.value = cards.note(f"{wrong} Shown instead: {query.value or 'everybody'}.")

    def choose(change: dict) -> None:
        if change["new"]:
            setattr(lab, "user" if change["owner"] is users else "domain", change["new"])

    users.observe(choose, "value")
    target.observe(choose, "value")
    query.observe(search, "value")
    lab.observe(follow, "turn")
    follow()
    row = W.Layout(flex_flow="row wrap")
    return W.VBox([W.HBox([query, users], layout=row), W.HBox([target, said], layout=row), card])


def asker(lab: Lab) -> W.Widget:
    """A button that brings the network back, and what it says of the user's domains."""
    button = W.Button(description="Ask the network", icon="question", layout=W.Layout(width="auto"))
    task, table, page = Task(), W.HTML(), W.HTML()

    def draw(_: object = None) -> None:
        there = lab.here is not None and lab.here.adc.run.folder in lab.networks
        button.layout.display = "none" if there or lab.here is None else ""
        found = lab.influence() if there else None
        table.value = cards.influence(found) if found else ""
        page.value = pictures.svg(lab.pull(found)) if found and not found.summary.empty else ""

    def work(tell: Tell) -> str:
        told = lab.ask(tell)
        draw()
        return told

    def begin(_: W.Button) -> None:
        run = lab.opened().adc.run
        task.start(work, watch.passes(run.config, max(run.metrics["best_epoch"].values())), "Training the run's networks again, in memory …")

    button.on_click(begin)
    lab.observe(draw, ["turn", "user", "domain"])
    draw()
    return W.VBox([W.HBox([button, task.row]), table, page])
