"""The fast step is the plain step: fifty steps of both, and parts with several ways against plain torch."""

import numpy as np
import pytest
import torch
from small import random_split, random_tensor

from adc import fast_step
from adc.balancers import BALANCERS
from adc.config import Config
from adc.fast_step import Pairs, Term, product_norm
from adc.model import ADC
from adc.sampling import user_batches
from adc.train import HISTORY, Trainer
from companion.adc_method import STARRED

STATE = ("weights", "norms", "targets", "rates")


class DoubleADC(ADC):
    """The network in double precision, in which rounding cannot hide a difference."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.double()


class DoubleTrainer(Trainer):
    network = DoubleADC


@pytest.fixture
def double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module")
def split():
    """Domains that most users are not in, and users who are in none."""
    return random_split(users=60, member=0.4)


def run(split, kind, steps=50, **settings):
    """Losses and the balancer's states of some steps, and the parameters after them."""
    small = {"dim": 5, "negatives": 3, "pretraining_epochs": 1, "hidden_layers": 2, "device": "cpu"}
    larger = {"agreement_weight": 0.7, "learning_rate": 1e-3, "embedding_l2": 0.05}
    trainer = kind(Config(**small | larger | settings), split)
    rng, values = np.random.default_rng(5), []
    while len(values) < steps:
        for users, batch in user_batches(trainer.triples, trainer.users, 6, rng):
            losses, state = trainer.step(users, batch)
            values.append(torch.stack([*losses, *(getattr(state, name) for name in STATE)]))
        trainer.balancer.end_epoch()
    parameters = dict(trainer.model.named_parameters()) | {"w": trainer.balancer.weights}
    return torch.stack(values[:steps]), parameters


READINGS = [change for _, change, _ in STARRED if "init" not in change]
STABLE = {"optimizer": "sgd", "embedding_lr": 0.02}  # else SGD diverges with this λ
CASES = [
    *(change | STABLE if "optimizer" in change else change for change in READINGS),
    *({"balancer": name} for name in BALANCERS), {"hidden_layers": 1}, {"hidden_layers": 0}, {"gamma": 0.0},
    {"balancer": "static", "constant_weights": "1.5,0.3,1.2"}, {"reduction": "sum", "agreement_on": "u"},
    {"agreement_on": "u", "agreement_with": "own"}, {"agreement_on": "u", "balancer": "pcgrad"},
    {"missing_vector": "initial", "norm_layer": "last_hidden"}, {"weight_decay": 0.1, "hidden_layers": 4},
]  # fmt: skip


@pytest.mark.parametrize("settings", CASES, ids=str)
def test_fifty_steps_are_those_of_the_plain_step(split, double, settings):
    plain, fast = (run(split, DoubleTrainer, step=step, **settings) for step in ("plain", "fast"))
    absent = plain[0][:, 0].isnan()
    assert 0.02 < absent.double().mean() < 0.5 and absent.any(0).all()  # each domain in some batches
    for place, name in enumerate(HISTORY):
        ours, theirs = fast[0][:, place], plain[0][:, place]
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-9, equal_nan=True, msg=name)
    for name, parameter in plain[1].items():
        torch.testing.assert_close(fast[1][name], parameter, rtol=1e-6, atol=1e-8, msg=name)


@pytest.mark.parametrize("separate", [True, False])
def test_fifty_steps_in_single_precision(split, monkeypatch, separate):
    """As a run does them; `separate`: either way of getting norms and gradient at W."""
    monkeypatch.setattr(fast_step, "separate_products", lambda *_: separate)
    plain, fast = (run(split, Trainer, step=step) for step in ("plain", "fast"))
    torch.testing.assert_close(fast[0], plain[0], rtol=2e-4, atol=1e-6, equal_nan=True)
    assert (plain[1]["w"] - 1).abs().max() > 0.05
    for name, parameter in plain[1].items():
        torch.testing.assert_close(fast[1][name], parameter, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("step", ["plain", "fast"])
@pytest.mark.parametrize("balancer", ["gradnorm", "metabalance"])
def test_a_batch_without_any_triple_moves_nothing_but_by_the_penalty(split, step, balancer):
    config = Config(dim=4, balancer=balancer, pretraining="none", step=step, embedding_l2=0.0)
    trainer = Trainer(config, split)
    before = {name: value.clone() for name, value in trainer.model.state_dict().items()}
    users, batch = next(user_batches(trainer.triples, trainer.users, 6, np.random.default_rng(0)))
    losses, state = trainer.step(users, [(row[:0], i[:0], j[:0]) for row, i, j in batch])
    assert losses.isnan().all() and state.norms.isnan().all()
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.state_dict().items())


@pytest.mark.parametrize("several", [12, 2])  # with two items there are more pairs than places in the matrix
def test_scores_of_pairs_and_their_gradients(several):
    z, table = random_tensor(6, 5), random_tensor(40, 5, seed=1)  # row 2 has no triple
    row = torch.tensor([0, 0, 1, 1, 1, 3, 3, 4, 5, 5, 5])
    item = torch.from_numpy(np.random.default_rng(0).integers(several, size=(11, 4)) * 3)
    pairs = Pairs(row, item, len(z), len(table))
    assert pairs.touched.tolist() == sorted(set(item.flatten().tolist()))
    v = table.detach()[pairs.touched]
    x, expected = pairs.scores(z.detach(), v), (z[row][:, None] * table[item]).sum(-1)
    assert torch.allclose(x, expected)
    weight = random_tensor(11, 4, seed=2).detach()
    (weight * expected).sum().backward()
    assert torch.allclose(pairs.at_rows(weight, v), z.grad)
    assert torch.allclose(pairs.at_items(weight, z.detach()), table.grad[pairs.touched])
    count = np.bincount(item.flatten(), np.repeat(np.arange(11), 4), minlength=40)
    assert pairs.counts(torch.arange(11.0)).tolist() == count[pairs.touched].tolist()


@pytest.mark.parametrize("rows", [3, 40])
def test_the_norm_of_a_product_with_few_rows_and_with_many(rows):
    a, b = random_tensor(rows, 12).detach(), random_tensor(rows, 16, seed=1).detach()
    assert product_norm(a, b).item() == pytest.approx((a.T @ b).norm().item())


@pytest.mark.parametrize(
    ("sizes", "batch", "expected"),
    [((500, 350, 100, 100, 100, 100), 1024, True), ([60] * 6, 64, False), ((30, 20, 10, 5, 5, 5), 64, False)],
)
def test_products_are_separate_in_large_batches_of_users_of_one_domain(sizes, batch, expected):
    terms = [Term(torch.zeros(size), torch.empty(0)) for size in sizes]
    assert fast_step.separate_products(terms, batch, (600, 600)) is expected
