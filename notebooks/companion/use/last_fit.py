"""A run's method once more, on every rating: what recommends when nothing is left to be measured.

Nothing is chosen here. Settings, each target's number of epochs, the start's penalty and popularity's share
are those that validation chose in the run; with all ratings none would be left to choose by. The model lies
in `data/models/`, apart from the runs, as it can be tested on nothing and stands in no table of results.
"""

import math
import time

from tqdm.auto import tqdm

from adc.early_stopping import Arrays, Learner
from adc.errors import UserError
from companion import adc_method, files, init_cache, paths, registry, runs
from companion.rivals.linear import Linear


def fit(config: dict, show: bool = True) -> runs.Run:
    """The model of a configuration on all ratings: stored, or else its run is trained and tested (or found),
    and then the model is fitted and stored. UserError: a variant of ADC that has no last fit; it diverges."""
    run = runs.find(config) or registry.train(config, show)  # of a run its metrics are enough
    if registry.method(config["method"]).kind == "variant":
        name = registry.label(config["method"])
        raise UserError(f"{name} starts from a model that validation ended, so it has no fit on all ratings.")
    whole = run.config | {"ratings": registry.ALL_RATINGS, "best_epoch": run.metrics["best_epoch"]}
    place = paths.models(config["dataset"]) / runs.folder(whole).name
    if not (place / "metrics.json").exists():
        start, arrays = time.perf_counter(), fitted(run, whole, show)
        facts = {name: run.metrics[name] for name in ("best_epoch", "validation")}
        facts |= {"values": [], "run": run.place, "train_seconds": round(time.perf_counter() - start, 2)}
        with files.atomic(place, folder=True) as partial:
            files.write_json(partial / "config.json", whole)
            runs.write_model(partial, registry.load_split(whole).ratings.domains, arrays)
            files.write_json(partial / "metrics.json", facts | {"versions": files.versions()})
    return runs.load(place)


def fitted(run: runs.Run, whole: dict, show: bool) -> list[Arrays]:
    """The arrays of every domain [p], each of its own best epoch in the run, trained on all ratings."""
    split, best = registry.load_split(whole), [*run.metrics["best_epoch"].values()]
    learner = learner_as_chosen(run, whole)
    last, arrays = [max(1, epoch) for epoch in best], [{} for _ in best]
    title = f"{registry.label(run.config['method'])}, all ratings"
    for epoch in tqdm(range(1, max(last) + 1), desc=title, unit="epoch", disable=not show):
        rows = learner.epoch()
        if not all(math.isfinite(row.get("loss", 0.0)) for row in rows):
            cure = "Take another method, or a lower learning rate."
            raise UserError(f"{title}: training diverged in epoch {epoch}. {cure}")
        for k in range(split.ratings.p):
            if last[k] == epoch:
                now = learner.arrays(k)
                arrays[k] = now() if callable(now) else now
    return arrays


def learner_as_chosen(run: runs.Run, whole: dict) -> Learner:
    """An untrained learner on all ratings; what a method itself chooses by validation is as in the run."""
    split, parts = registry.load_split(whole), registry.load_split(run.config)
    method = registry.method(run.config["method"])
    if method.kind in ("adc", "balancer"):
        start = run.config["init"], run.config["dim"]
        chosen = tuple(vectors.regulariser for vectors in init_cache.initial_vectors(parts, *start))
        return adc_method.make_trainer(run.config, split, init_cache.initial_vectors(split, *start, chosen))
    learner = method.learner(run.config, split)
    if isinstance(learner, Linear):
        learner.take_shares(method.learner(run.config, parts))
    return learner
