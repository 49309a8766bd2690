"""The rules of the ledger once more, and what its claims compare, without `companion`."""

from statistics import mean

from again_scores import Scores, more_than

HOLDS, PART, FAILS, UNCLEAR = "holds", "holds in part", "does not hold", "open"
UNTESTABLE, ABSENT = "cannot be tested on this data", "not run in this profile"


def grade(holds: bool, partly: bool) -> str:
    return HOLDS if holds else PART if partly else FAILS


def share(flags: list[bool | None], most: float = 0.5, denied: bool = False) -> str:
    """None: open."""
    true, enough = flags.count(True), most * len(flags)
    if true <= enough < true + flags.count(None):
        return UNCLEAR
    return grade(true == len(flags) and not denied, true > enough)


def verdict(answer: bool | None, denied: bool = False) -> str:
    return UNCLEAR if answer is None else grade(answer and not denied, answer)


def reverse(answer: bool | None) -> str:
    return verdict(None if answer is None else not answer)


def small(values: list[float]) -> float:
    """2 % of a score."""
    return 0.02 * mean(values)


def every(flags: list[bool | None]) -> str:
    return FAILS if False in flags else UNCLEAR if None in flags else HOLDS


class Comparisons(Scores):
    """Scores side by side."""

    def compared(self, first: dict[str, list], second: dict[str, list], level=0.05) -> str:
        """Scores of two sides by domain and seed: the mean of their differences, and each domain's."""
        gaps = {k: [a - b for a, b in zip(first[k], second[k], strict=True)] for k in first}
        if not all(gaps.values()):
            return ABSENT
        whole = small([value for values in second.values() for value in values])
        answer = more_than([mean(column) for column in zip(*gaps.values(), strict=True)], whole, level)
        denied = [k for k in gaps if more_than(gaps[k], small(second[k]), 0.05 / len(gaps)) is False]
        return verdict(answer, len(gaps) > 1 and bool(denied))

    def levels(self, kinds: list[tuple], domains="", targets=()) -> dict:
        """(method, h, gamma) -> domain -> by seed, over the seeds that have all kinds; empty without any."""
        seeds = self.seeds_with(domains, kinds)
        if not seeds:
            return {}
        score = lambda kind, k, s: self.base(k, s, kind[1], kind[2], domains, kind[0])
        return {kind: {k: [score(kind, k, s) for s in seeds] for k in targets or self.targets}
                for kind in kinds}  # fmt: skip

    def best(self, levels: dict, paper: dict) -> str:
        """Whether the paper's kind of each domain is above all others, those domains alone that differ."""
        flags, others = [], [kind for kind in levels if {kind} != {*paper.values()}]
        for kind in others:
            names = [k for k in paper if paper[k] != kind]
            ours, theirs = ([*zip(*(levels[of(k)][k] for k in names), strict=True)]
                            for of in (paper.get, lambda k, kind=kind: kind))  # fmt: skip
            gaps = [mean(a) - mean(b) for a, b in zip(ours, theirs, strict=True)]
            margin = small([value for column in theirs for value in column])
            flags.append(more_than(gaps, margin, 0.05 / len(others)))
        return every(flags)
