"""Names and options of synthetic datasets: the source, then every option that is not at its default, as in
`twin-s0.03-t1.0`."""

import math
import re
from numbers import Integral, Real

from adc.errors import UserError
from companion.data.table import FILE_HASH

SEED = ("seed", 0, 0, math.inf)
OPTIONS = {  # source -> option -> its letter in a dataset's name, default, least, most
    "twin": {
        "scale": ("s", 1.0, 0.003, 10.0),
        "transfer": ("t", 0.5, 0.0, 1.0),
        "asymmetry": ("a", 1.0, 0.0, 2.0),
        "seed": SEED,
    },
    "control": {"transfer": ("t", 1.0, 0.0, 1.0), "richness": ("r", 20.0, 1.0, 100.0), "seed": SEED},
}
_NUMBERS = {int: r"\d+", float: r"\d+(?:\.\d+)?(?:e-?\d+)?"}


def name(source: str, **options: float) -> str:
    """The name of the dataset that a source makes with these options; a `UserError` as of `check`."""
    check(source, **options)
    words = [source]
    for option, (letter, default, *_) in OPTIONS[source].items():
        value = type(default)(options.get(option, default))
        words += [f"{letter}{value}"] if value != default else []
    return "-".join(words)


def check(source: str, **options: float) -> None:
    """Raise `UserError` for a value out of its range, and KeyError for an option that the source has not."""
    for option, value in options.items():
        _, default, low, high = OPTIONS[source][option]
        kind, words = (Integral, "whole number") if type(default) is int else (Real, "number")
        if not (isinstance(value, kind) and low <= value <= high):
            end = "on" if high == math.inf else f"to {high:g}"
            raise UserError(f"{source}: {option} is {value!r}. Give a {words} from {low:g} {end}.")


def parse(dataset: str) -> tuple[str, dict[str, float]]:
    """Source and options of a synthetic dataset's name, all of them; ("", {}) for another name, as that of a
    reader's own file, which may be called twin too."""
    source = dataset.partition("-")[0]
    known = OPTIONS.get(source, {})
    pattern = "".join(rf"(?:-{letter}({_NUMBERS[type(value)]}))?" for letter, value, *_ in known.values())
    match = known and not FILE_HASH.search(dataset) and re.fullmatch(source + pattern, dataset)
    if not match:
        return "", {}
    given = zip(known.items(), match.groups())
    return source, {option: type(default)(text or default) for (option, (_, default, *_)), text in given}
