"""Parameters are strict: nothing unknown, nothing of another type, and one configuration names one run."""

import json

import pytest

from adc import baselines
from adc.errors import UserError
from adc.settings import configuration, named


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"gama": 2.0}, "no parameter 'gama'.*gamma"),
        ({"balancer": "gradnorn"}, "balancer='gradnorn'.*gradnorm"),
        ({"start": "svd"}, "start='svd'.*als"),
        ({"optimizer": "Adam"}, "optimizer='Adam'"),
        ({"hidden_layers": 0}, "hidden_layers=0.*at least 1"),
        ({"dim": -1}, "dim=-1"),
        ({"epochs": 0}, "epochs=0"),
        ({"seed": -1}, "seed=-1 must be at least 0"),
        ({"gamma": float("nan")}, "gamma=nan"),
        ({"learning_rate": -1e-3}, "learning_rate=-0.001"),
        ({"device": "gpu"}, "device='gpu'.*cuda"),
    ],
)
def test_parameters_are_strict(parameters, said):
    with pytest.raises(UserError, match=said):
        configuration(**parameters)


@pytest.mark.parametrize("parameters", [{"gamma": "2"}, {"hidden_layers": 2.5}, {"dim": "100"}, {"redraw": "no"}])
def test_a_parameter_of_another_type_is_refused(parameters):
    with pytest.raises(UserError, match=next(iter(parameters))):
        configuration(**parameters)


def test_a_whole_number_means_the_same_as_its_decimal():
    assert json.dumps(configuration(gamma=2, agreement=1)) == json.dumps(configuration(gamma=2.0, agreement=1.0))


def test_gamma_has_no_meaning_for_static_weights():
    one, other = configuration(balancer="static", gamma=1.0), configuration(balancer="static", gamma=2.0)
    assert one == other and one["method"] == "static"
    assert configuration(gamma=0.0)["method"] == "adc"  # R33


def test_the_baselines_parameters_are_as_strict():
    with pytest.raises(UserError, match="penalty='much'.*float"):
        baselines.configuration(penalty="much")
    assert json.dumps(baselines.configuration(penalty=1)) == json.dumps(baselines.configuration(penalty=1.0))


def test_named_domains():
    assert named("") == named(" , ") == [] and named("toys, dvd ,toys,") == ["toys", "dvd"]
