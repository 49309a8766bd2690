"""Which open point of the paper decides the outcome: starred readings one at a time, protocols, rules of scoring.

Numbers are NDCG@10 (full ranking unless said), means over the domains; intervals are 95 % t-intervals over the seeds.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields

import numpy as np
import pandas as pd
import torch

from adc import baselines, data, fit, paths, report, runs, stats, studies
from adc.errors import UserError
from adc.evaluate import PROTOCOLS, Score, groups, popularity
from adc.metrics import ndcg, recall
from adc.relevance import RULES, relevant
from adc.results.analysis import cure, difference, signed
from adc.results.analysis import ndcg as ndcg_of
from adc.settings import STARRED, Settings, deviations
from adc.split import TEST, TRAIN, VALID, Split, split

WORDS = {  # of the first parameter that a reading changes
    ("agreement_on", "u"): "λ term on the inputs u", ("train_items", False): "item vectors frozen",
    ("train_users", False): "user vectors frozen", ("agreement_with", "own"): "λ over her own domains",
    ("agreement", 0.0): "λ = 0", ("missing", "start"): "absent vectors fixed", ("width", 0): "width p·d",
    ("width", 100): "width 100", ("width", 200): "width 200", ("pretraining", "random"): "deeper layers random",
    ("pretraining", "none"): "no pretraining", ("optimizer", "sgd"): "SGD",
    ("balancer", "gradnorm_softmax"): "w by softmax", ("balancer", "gradnorm_closed"): "w in closed form",
    ("balancer", "gradnorm_literal"): "w not renormalised",
    ("initial_losses", "first_epoch"): "L(0) from epoch 1", ("reduction", "sum"): "sum over triples",
    ("norm_layer", "last_hidden"): "norm at last hidden layer", ("redraw", False): "negatives drawn once",
    ("start", "als"): "start: regularised MF", ("start", "als_literal"): "start: literal MF",
    ("start", "random"): "start: random", ("observed", "above_mean"): "positives above her mean",
}  # fmt: skip
DEFAULT, DEFAULT_RECALL = "default", "recall@10"
RULE_WORDS = {
    "above": DEFAULT, "at_least": "R24 ≥ mean", "all_domains": "R24 all domains", "train_only": "R24 training",
    "stars4": "R24 ≥ 4 stars",
}  # fmt: skip
N, CHUNK, SEEDS = 10, 512, 3  # length of the list; users ranked at once; seeds scored anew at most


def available(dataset: str, profile: str) -> tuple[dict[int, runs.Run], list[runs.Run]]:
    """ADC's base run (h = 3, gamma = 2, no deviation) of every seed, and all runs over all domains.

    Of several bases of a seed, trained for other numbers of epochs say, the one with most readings run beside it.
    Raises `UserError` where there is no base.
    """
    found = [run for run in report.available(dataset, profile)[0] if not run.config["domains"]]
    known, bases = {_key(run.config) for run in found}, {}
    usual = [run for run in found if _is_base(run.config)]
    beside = lambda run: sum(_key(run.config | change) in known for change in _changes())
    for run in sorted(usual, key=lambda run: (beside(run), (run.folder / "metrics.json").stat().st_mtime)):
        bases[run.config["seed"]] = run
    if not bases:
        where = f"for dataset '{dataset}', profile '{profile}'"
        raise UserError(f"No finished run of ADC with h = 3, gamma = 2 {where}. {cure('readings', dataset, profile)}")
    return dict(sorted(bases.items())), found


def base_words(bases: dict[int, runs.Run]) -> str:
    """What the base has in place of the readings' alternatives, in words."""
    config = next(iter(bases.values())).config
    names = dict.fromkeys(name for change in _changes() for name in change)
    each = ", ".join(f"{name} = {config[name]}" for name in names)
    usual = f"h = {config['hidden_layers']}, γ = {config['gamma']:g}, epochs = {config['epochs']}"
    return f"The base: {usual}, {each}."


def _changes() -> list[dict]:
    return [change for changes in STARRED.values() for change in changes]


def _key(config: dict) -> frozenset:
    """What a configuration is apart from its names and its code; alike for runs that differ in nothing."""
    own = {field.name for field in fields(Settings)} if "balancer" in config else set(config) - {"code"}
    return frozenset((name, config[name]) for name in own.difference(runs.NOT_IDENTITY))


def _is_base(config: dict) -> bool:
    same = all(config.get(name) == value for name, value in studies.BASE.items())
    return same and config.get("balancer") == "gradnorm" and not deviations(config)


def mean_ndcg(run: runs.Run, protocol: str = "full") -> float:
    """NDCG@10 of a run, mean over its domains."""
    return float(np.nanmean(list(ndcg_of(run, protocol).values())))


def readings(bases: dict[int, runs.Run], found: list[runs.Run]) -> pd.DataFrame:
    """What each starred reading changes, from runs that differ from the base in it alone; largest gain first.

    Columns: reading, words, difference (from the base, paired over the seeds), p, low, high, seeds, relative (% of the
    base), diverged, runs (their folders). Readings that are the base, or were not run, are left out.
    """
    known, rows = {_key(run.config): run for run in found}, []
    for reading, change in ((reading, change) for reading, changes in STARRED.items() for change in changes):
        pairs = {seed: known.get(_key(base.config | change)) for seed, base in bases.items()}
        apart = {seed: run for seed, run in pairs.items() if run and _key(run.config) != _key(bases[seed].config)}
        if apart:
            rows.append({"reading": reading, "words": words_of(change), **_against(apart, bases)})
    columns = ["reading", "words", "difference", "p", "low", "high", "seeds", "relative", "diverged", "runs"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values("difference", ascending=False, ignore_index=True)


def words_of(change: dict) -> str:
    """A reading's change in words."""
    name, value = next(iter(change.items()))
    return WORDS.get((name, value), f"{name} = {value}")


def _against(mine: dict[int, runs.Run], bases: dict[int, runs.Run]) -> dict:
    a, b = (pd.Series({seed: mean_ndcg(run) for seed, run in some.items()}) for some in (mine, bases))
    found = difference(a, b)
    return found | {
        "relative": 100 * found["difference"] / b[a.index.intersection(b.index)].mean(),
        "diverged": sum(run.metrics["diverged"] for run in mine.values()), "runs": places(mine.values()),
    }  # fmt: skip


def places(some: Iterable[runs.Run]) -> list[str]:
    """Folders of runs, relative to the home."""
    return [str(run.folder.relative_to(paths.home())) for run in some]


def methods(bases: dict[int, runs.Run], found: list[runs.Run]) -> dict[str, dict[int, runs.Run]]:
    """Runs of every method by seed, in the order of Table II: ADC's bases, static as they are but for the balancer, and
    the others with their usual objective."""
    known = {_key(run.config): run for run in found}
    others = [run for run in found if run.config["method"] in baselines.METHODS and not run.config["variant"]]
    by = {(run.config["method"], run.config["seed"]): run for run in report.one_each(others, "method", "seed")}
    static = {seed: known.get(_key(base.config | {"balancer": "static", "gamma": 0.0})) for seed, base in bases.items()}
    by |= {("static", seed): run for seed, run in static.items() if run}
    by |= {("adc", seed): run for seed, run in bases.items()}
    every = {name: {seed: by[name, seed] for seed in bases if (name, seed) in by} for name in report.METHODS}
    return {name: of for name, of in every.items() if of}


def rivals(of: dict[str, dict[int, runs.Run]]) -> pd.DataFrame:
    """Every other method less ADC, in the columns of `readings` (method for reading and words), largest first."""
    rows = [{"method": name, **_against(mine, of["adc"])} for name, mine in of.items() if name != "adc"]
    columns = ["method", "difference", "p", "low", "high", "seeds", "relative", "diverged", "runs"]
    return pd.DataFrame(rows, columns=columns).sort_values("difference", ascending=False, ignore_index=True)


def rivals_cure(dataset: str, profile: str) -> str:
    """What to run for the other methods, as a sentence."""
    by_hand = f'Run 04_baselines with dataset = "{dataset}" and each of its methods.'
    return by_hand if profile == "any" else cure("", dataset, profile)


def reading_words(table: pd.DataFrame, others: pd.DataFrame) -> str:
    """The readings that change most, and how many change more than another method does; of `readings` and `rivals`."""
    if table.empty:
        return "No starred reading was run."
    size = table["difference"].abs()
    top = table.loc[size.sort_values(ascending=False).index[:5]]
    most = "; ".join(f"{row.reading} {row.words} ({signed(row)})" for row in top.itertuples())
    sure = (table["low"] > 0) | (table["high"] < 0)
    seeds = table["seeds"].max()
    said = f"The {len(top)} readings that change most: {most}. Of {len(table)} alternatives "
    whole = f"{sure.sum()} differ from the base with their whole interval."
    said += whole if seeds > 1 else "none can be told from chance with one seed."
    steps = [
        f"{report.NAMES[row.method]} ({row.difference:+.4f}) {(size > abs(row.difference)).sum()}"
        for row in others.loc[others["difference"].abs().sort_values().index].itertuples()
    ]
    more = f" How many change more than another method in ADC's place does: {'; '.join(steps)}."
    return said + (more if steps else "")


def together(of: dict[str, dict[int, runs.Run]]) -> dict[str, dict[int, runs.Run]]:
    """The seeds on which most methods were run, and the methods that have all of these: only they can be ranked."""
    most = Counter(seed for mine in of.values() for seed in mine)
    seeds = sorted(seed for seed in of["adc"] if most[seed] == max(most.values()))
    return {name: {seed: mine[seed] for seed in seeds} for name, mine in of.items() if set(seeds) <= set(mine)}


def by_protocol(of: dict[str, dict[int, runs.Run]]) -> pd.DataFrame:
    """NDCG@10 of each method by protocol (R27) [methods, protocols], means over the seeds of `together`."""
    mean = lambda mine, protocol: np.mean([mean_ndcg(run, protocol) for run in mine.values()])
    return pd.DataFrame({protocol: {name: mean(mine, protocol) for name, mine in of.items()} for protocol in PROTOCOLS})


def agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Kendall's tau of the methods' order between every two columns [columns, columns]."""
    return pd.DataFrame({a: {b: stats.agreement_of_rankings(table[a], table[b]) for b in table} for a in table})


def agreement_words(table: pd.DataFrame) -> str:
    """Do the columns rank the methods alike? table [methods, ways of scoring]."""
    first = {way: report.NAMES[table[way].idxmax()] for way in table}
    place = {way: int(table[way].rank(ascending=False)["adc"]) for way in table}
    each = "; ".join(f"{way}: {first[way]} first, ADC {place[way]} of {len(table)}" for way in table)
    tau = agreement(table).where(~np.eye(table.shape[1], dtype=bool)).min(axis=None)
    return f"{each}. The least Kendall's τ between two of them is {tau:.2f} (1: the same order)."


def by_rule(of: dict[str, dict[int, runs.Run]]) -> tuple[pd.DataFrame, float]:
    """Every method scored anew under each rule [methods, rules] (R24, R25, R26, R28), over the first SEEDS seeds of
    `together`; and the largest difference of the default from what is stored: ties are drawn anew (R29)."""
    found, off = {name: [] for name in of}, 0.0
    for seed in list(of["adc"])[:SEEDS]:
        parts = split(data.load(of["adc"][seed].config["dataset"]), seed)
        for name, mine in of.items():
            score = rescored(mine[seed], parts)
            found[name].append(score)
            off = max(off, abs(score[DEFAULT] - mean_ndcg(mine[seed])))
    return pd.DataFrame({name: pd.DataFrame(each).mean() for name, each in found.items()}).T, off


def rescored(run: runs.Run, parts: Split) -> dict[str, float]:
    """Test scores of a stored run under each rule, full ranking, means over the domains."""
    model, rows = run.model, []
    for k, domain in enumerate(parts.ratings.domains):
        arrays = {name: a for key, a in model.items() for name, of in [key.split(".", 1)] if of == domain}
        scorer = getattr(baselines.METHODS.get(run.config["method"]), "scorer", fit.factor_score)
        rows.append(scores(parts, k, ranked(parts, k, scorer(parts, k, arrays))))
    return pd.DataFrame(rows).mean().to_dict()


def ranked(parts: Split, domain: int, score: Score) -> np.ndarray:
    """Rank of every test rating of a domain, in the order of `parts.of(domain, TEST)`, among the items that its user
    has not rated in training or validation; beyond the first N a rank is any number above N.

    Users with no training rating get popularity (R36); ties are drawn (R29).
    """
    user, item, _ = parts.of(domain, TEST)
    seen_user, seen_item, _ = parts.of(domain, TRAIN, VALID)
    popular, cold = torch.from_numpy(popularity(parts, domain)), groups(parts, domain) == 2
    draw, found = np.random.default_rng([parts.seed, domain]), np.full(len(user), N + 1)
    users = np.unique(user)
    for some in np.split(users, range(CHUNK, len(users), CHUNK)):
        scores = score(some).float().cpu()  # [B, m]
        scores[torch.from_numpy(cold[some])] = popular
        seen = np.isin(seen_user, some)
        scores[np.searchsorted(some, seen_user[seen]), seen_item[seen]] = -torch.inf
        least = scores.topk(min(N, scores.shape[1])).values[:, -1]  # [B]
        mine = np.flatnonzero(np.isin(user, some))
        row, column = np.searchsorted(some, user[mine]), item[mine]
        near = (scores[row, column] >= least[row]).numpy()  # [r]: who may be among the first N
        row, column = row[near], column[near]
        lot = torch.from_numpy(draw.random(scores.shape, dtype=np.float32))
        own, ticket = scores[row, column, None], lot[row, column, None]  # [r, 1]
        above = (scores[row] > own) | ((scores[row] == own) & (lot[row] < ticket))  # [r, m]
        found[mine[near]] = 1 + above.sum(1).numpy()
    return found


def scores(parts: Split, domain: int, rank: np.ndarray) -> dict[str, float]:
    """Means over the users of one domain under each rule, from the ranks of `ranked`."""
    user = parts.of(domain, TEST)[0]
    tested = parts.part[parts.ratings.domain == domain] == TEST
    found = {}
    for rule in RULES:
        hit = relevant(parts, domain, rule)[tested]
        users, position, count = np.unique(user[hit], return_inverse=True, return_counts=True)
        of = (rank[hit], position, count, N)
        found[RULE_WORDS[rule]] = float(ndcg(*of).mean()) if len(users) else np.nan
        if rule == "above":
            usual = {
                "R25 counted as 0": ndcg(*of).sum() / len(np.unique(user)),
                "R28 log2(j) + 1": ndcg(*of, "log2(j)+1").mean(),
                DEFAULT_RECALL: recall(*of).mean(), "R26 min(N, all)": recall(*of, "min").mean(),
            }  # fmt: skip
    return found | {name: float(value) for name, value in usual.items()}


def rule_agreement(table: pd.DataFrame) -> pd.Series:
    """Kendall's tau of each rule's order of the methods with the default's; of R26 with recall's."""
    usual = {name: DEFAULT_RECALL if name.startswith("R26") else DEFAULT for name in table}
    return pd.Series({name: stats.agreement_of_rankings(table[name], table[of]) for name, of in usual.items()})


def rule_words(table: pd.DataFrame, off: float) -> str:
    """Whether a rule puts the methods in another order, in words, from `by_rule`."""
    tau = rule_agreement(table).drop([DEFAULT, DEFAULT_RECALL])
    first = lambda name: table[name].idxmax()
    changed = [name for name in tau.index if first(name) != first(DEFAULT_RECALL if "R26" in name else DEFAULT)]
    return (
        f"Kendall's τ with the usual rule lies between {tau.min():.2f} ({tau.idxmin()}) and {tau.max():.2f} "
        f"({tau.idxmax()}). Another method comes first under {', '.join(changed) or 'none of them'}. Scored anew by "
        f"the usual rule, the means differ from the stored ones by {off:.4f} at most, as ties are drawn anew."
    )
