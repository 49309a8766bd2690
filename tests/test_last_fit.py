"""The last fit: a run's method once more on all ratings, by nothing that was not chosen before."""

import numpy as np
import pytest
from recommending import FAST, METHODS, dataset, home, small_settings, train  # noqa: F401

from adc.errors import UserError
from adc.split import TRAIN
from companion import init_cache, registry
from companion.rivals.linear import SHARES
from companion.use import fold_in, last_fit, recommend


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("method", METHODS)
def test_the_last_fit_trains_on_all_ratings_for_the_epochs_that_validation_chose(method, dataset):
    run = train(method, dataset)
    before = recommend.stored_runs(dataset)
    model = recommend.fit_all(run.config, show=False)
    assert (model.split.part == TRAIN).all() and not (registry.load_split(run.config).part == TRAIN).all()
    assert "models" in model.run.folder.parts and recommend.stored_runs(dataset).equals(before)
    learner = last_fit.learner_as_chosen(run, model.run.config)
    epochs = [*run.metrics["best_epoch"].values()]
    for epoch in range(1, max(epochs) + 1):
        learner.epoch()
        for k in range(2):
            if epoch == epochs[k]:
                expected = learner.arrays(k)
                expected = expected() if callable(expected) else expected
                for name, array in expected.items():
                    np.testing.assert_array_equal(model.arrays[k][name], array)
    assert recommend.fit_all(run.config, show=False).run.folder == model.run.folder


def test_nothing_is_trained_for_the_last_fit_but_the_fit_itself(dataset, monkeypatch):
    config = registry.configure("bpr", dataset, seed=3, **small_settings("bpr"))
    registry.train(config, show=False).drop_model()
    monkeypatch.setattr(registry, "fit", None)  # what trains a run
    assert recommend.fit_all(config, show=False).run.has_model
    recommend.train_first(dataset, ["adc"])  # there are runs


def test_methods_are_trained_first_where_a_dataset_has_no_run(home, monkeypatch):
    trained = []
    monkeypatch.setattr(registry, "train", lambda config, show: trained.append(config["method"]))
    recommend.train_first("movielens", ["popularity", "bpr"])
    assert trained == ["popularity", "bpr"]


@pytest.mark.parametrize("method", fold_in.LINEAR)
def test_popularity_keeps_the_share_that_validation_chose(method, dataset):
    run, shares = train(method, dataset), []
    for model in (recommend.load(run), recommend.fit_all(run.config, show=False)):
        learner = registry.learner(model.run.config, model.split)
        shares += [float(a["popularity"] / learner.unit(k, a)) for k, a in enumerate(model.arrays)]
    assert shares[:2] == pytest.approx(shares[2:])
    assert all(np.isclose(SHARES, share, rtol=1e-4, atol=0).any() for share in shares)


def test_the_start_keeps_the_penalties_that_validation_chose(dataset, monkeypatch):
    config = registry.configure("adc", dataset, init="als", dim=3, hidden_layers=1, **FAST)
    run = registry.train(config, show=False)
    usual = [start.regulariser for start in init_cache.initial_vectors(registry.load_split(config), "als", 3)]
    chosen, make = [], last_fit.adc_method.make_trainer
    watched = lambda *given: chosen.append(given[2]) or make(*given)
    monkeypatch.setattr(last_fit.adc_method, "make_trainer", watched)
    last_fit.learner_as_chosen(run, run.config | {"ratings": registry.ALL_RATINGS})
    assert [start.regulariser for start in chosen[0]] == usual


def test_a_variant_has_no_last_fit(dataset):
    config = registry.configure("adc_residual", dataset, dim=3, hidden_layers=1, **FAST)
    with pytest.raises(UserError, match="no fit on all ratings"):
        recommend.fit_all(config, show=False)
