"""The rules of the ledger once more, and what its claims compare, without `companion`."""

from statistics import mean

from again_scores import Scores, ends, more_than

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

    def best(self, levels: dict, paper: tuple, k: str) -> bool | None:
        """Whether the paper's level is the best of a domain."""
        ours, others = levels[paper][k], [kind for kind in levels if kind != paper]
        margin, spans = small(ours), []
        for kind in others:
            gaps = [a - b for a, b in zip(levels[kind][k], ours, strict=True)]
            spans.append(ends(gaps, 0.05 / len(others)))
        if any(low > margin for low, _ in spans):
            return False
        if all(-margin <= low and high <= margin for low, high in spans):
            return False
        ahead = any(high < -margin for _, high in spans) and all(high < margin for _, high in spans)
        return True if ahead else None
