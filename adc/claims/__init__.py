"""The ledger of claims: the paper's sentences, each with a measure taken from the runs and a rule that gives the verdict."""

from adc.claims.sentences import CLAIMS, COLOURS, PALE, Claim, anchor, counts, ledger, rows, rules, shown, story, words

__all__ = ["CLAIMS", "COLOURS", "PALE", "Claim", "anchor", "counts", "ledger", "rows", "rules", "shown", "story", "words"]
