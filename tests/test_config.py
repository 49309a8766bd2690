"""Settings are strict: nothing unknown, nothing of another type, and one configuration names one run."""

import pytest

from adc.config import Config
from adc.errors import UserError
from companion import registry
from companion.registry import configure, listed, named


@pytest.mark.parametrize(("settings", "message"), [
    ({"balancer": "gradnorn"}, "balancer='gradnorn'.*gradnorm"),
    ({"init": "svd"}, "init='svd'.*als"), ({"optimizer": "Adam"}, "optimizer='Adam'"),
    ({"device": "gpu"}, "device='gpu'.*cuda"), ({"negatives": 0}, "negatives=0.*at least 1"),
    ({"seed": -1}, "seed=-1 must be at least 0"), ({"dim": -1}, "dim=-1"), ({"epochs": 0}, "epochs=0"),
    ({"gamma": float("nan")}, "gamma=nan"), ({"learning_rate": -1e-3}, "learning_rate=-0.001"),
    ({"gamma": "2"}, "gamma='2'.*float"), ({"hidden_layers": 2.5}, "hidden_layers=2.5.*int"),
    ({"dim": "100"}, "dim='100'.*int"), ({"dim": True}, "dim=True.*int"),
    ({"resample_negatives": "no"}, "resample_negatives='no'.*bool"),
])  # fmt: skip
def test_a_wrong_value_is_refused_in_one_sentence_with_what_was_expected(settings, message):
    with pytest.raises(UserError, match=message) as error:
        Config(**settings)
    assert "\n" not in str(error.value)
    if "balancer" not in settings:  # which names the method
        with pytest.raises(UserError, match=message):
            configure("adc", **{"seed": 0} | settings)


@pytest.mark.parametrize(("name", "settings", "message"), [
    ("adc", {"gama": 2.0}, "ADC has no setting 'gama'. Did you mean 'gamma'"),
    ("bpr", {"learning_rat": 0.1}, "BPR has no setting 'learning_rat'. Did you mean 'learning_rate'"),
    ("popularity", {"dim": 3}, "popularity has no setting 'dim'. It has: epochs, patience"),
    ("brp", {}, "Unknown method 'brp'. Did you mean 'bpr'.*clfm"),
    ("bpr", {"embedding_l2": "much"}, "embedding_l2='much'.*float"),
    ("bpr", {"seed": 1.5}, "seed=1.5"), ("bpr", {"domains": ["toys"]}, "domains=.*a text"),
    ("adc", {"balancer": "gradnorn"}, "gradnorn"),
])  # fmt: skip
def test_an_unknown_method_or_setting_is_refused_with_the_nearest_name(name, settings, message):
    with pytest.raises(UserError, match=message) as error:
        configure(name, **settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", registry.METHODS)
def test_a_configuration_holds_every_setting_and_what_names_the_run(name):
    config, entry = configure(name, "tiny", 3, "a,b"), registry.method(name)
    common = {"dataset": "tiny", "seed": 3, "domains": "a,b", "method": name, "version": entry.version}
    assert common.items() <= config.items() and isinstance(config["variant"], str)
    assert set(config) == {*common, "variant", *entry.Settings.__dataclass_fields__}
    assert {"epochs", "patience"} <= set(config) and entry.fixed.items() <= config.items()
    assert registry.is_current(config) and not registry.is_current(config | {"version": -1})
    assert set(entry.search_space) <= set(entry.Settings.__dataclass_fields__)
    assert not registry.unusual(registry.configure_tuned(name, "tiny"))


def test_what_means_the_same_is_the_same_configuration():
    assert repr(configure("adc", gamma=2, dim=9)) == repr(configure("adc", gamma=2.0, dim=9))
    one, other = (configure("adc", balancer="static", gamma=gamma) for gamma in (1.0, 2.0))
    assert one == other == configure("static") and one["method"] == "static"  # γ is of GradNorm alone
    assert configure("adc", gamma=0.0)["method"] == "adc"  # R33
    assert configure("adc", balancer="gradnorm_softmax")["method"] == "adc"  # R12
    assert configure("adc", hidden_layers=1) == configure("adc", hidden_layers=1, pretraining="none")
    assert configure("bpr", epochs=1) != configure("bpr", epochs=9)


def test_the_variant_and_unusual_settings_tell_runs_apart():
    assert configure("adc", hidden_layers=2, gamma=1.5)["variant"] == "h=2 γ=1.5"
    reading = configure("adc", agreement_on="u", norm_layer="last_hidden", learning_rate=0.5)
    assert reading["variant"] == "h=3 γ=2 agreement_on=u norm_layer=last_hidden"
    changes = {"agreement_on": "u", "norm_layer": "last_hidden", "learning_rate": 0.5}
    assert registry.unusual(reading) == changes


def test_domains_by_name():
    assert named("") == named(" , ") == [] and named("toys, dvd ,toys,") == ["toys", "dvd"]
    assert named(listed(["Sci, Fi", "Drama"])) == ["Sci, Fi", "Drama"]
