"""The ledger of claims: the paper's sentences, each with a measure of the runs and a rule for the verdict."""

from companion.claims.evidence import Evidence, collect
from companion.claims.ledger import counts, ledger, ledger_table, rules_table, summary, tally
from companion.claims.sentences import CLAIMS, Claim

__all__ = [
    "CLAIMS", "Claim", "Evidence", "collect", "counts", "ledger", "ledger_table", "rules_table", "summary",
    "tally",
]  # fmt: skip
