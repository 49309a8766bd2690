"""The table: what was measured beside what, the bar it has to clear, and whether it does."""

import operator
from dataclasses import asdict, dataclass

SIGNS = {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
HEAD = ("measure", "unit", "ours", "the other", "ours / other", "bar", "met")


@dataclass(frozen=True)
class Row:
    """One comparison. `bar` is "<= 1.5" for the ratio ours / other, or (with a unit) "<= 20 s" for ours."""

    measure: str
    unit: str
    ours: float | None
    other: float | None = None
    against: str = ""  # what the other is
    bar: str = ""
    note: str = ""  # why something is missing

    @property
    def ratio(self) -> float | None:
        """Ours divided by the other."""
        return None if self.ours is None or not self.other else self.ours / self.other

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without a bar, or without what it is about."""
        sign, bound, *unit = self.bar.split() or ("", "")
        value = self.ours if unit else self.ratio
        return None if not sign or value is None else SIGNS[sign](value, float(bound))

    def cells(self) -> list[str]:
        """As written in the table, in the order of HEAD."""
        other = " ".join(filter(None, [number(self.other), self.against and f"({self.against})"]))
        verdict = self.note or {None: "", True: "met", False: "NOT MET"}[self.met]
        return [self.measure, self.unit, number(self.ours), other, number(self.ratio, 3), self.bar, verdict]

    def record(self) -> dict:
        """For the report's JSON."""
        return asdict(self) | {"ratio": self.ratio, "met": self.met}


def number(value: float | None, digits: int = 4) -> str:
    """`digits` significant digits, thousands set apart."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 10 ** (digits - 1) else f"{value:.{digits}g}"


def markdown(rows: list[Row]) -> str:
    """The table for a page."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def plain(rows: list[Row]) -> str:
    """The table as text with columns that line up."""
    lines = [list(HEAD), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)
