"""The ledger of claims: the paper's sentences, each with a measure of the runs and a rule for the verdict."""

from companion.claims.evidence import collect
from companion.claims.ledger import ledger, ledger_table, rules_table, summary, tally
from companion.claims.sentences import CLAIMS

__all__ = ["CLAIMS", "collect", "ledger", "ledger_table", "rules_table", "summary", "tally"]
