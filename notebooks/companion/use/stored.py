"""Reading a run folder to recommend with it: nothing is unpickled, every array has the shape it must have."""

from pathlib import Path

from adc.early_stopping import Arrays, factor_score
from adc.errors import UserError
from adc.split import Split
from companion import registry, runs

# By method the arrays of a domain and their shapes: n users, m items, other letters any size, once chosen.
FACTORS = {"user": "nd", "item": "md"}
SHAPES = {
    "random": {"seed": ""}, "popularity": {"item": "m"},
    **dict.fromkeys(("ease", "ease_merged"), {"l2": "", "most_items": "", "popularity": ""}),
    **dict.fromkeys(("itemknn", "itemknn_merged"), {"neighbours": "", "shrinkage": "", "popularity": ""}),
    "sconet": {"user": "na", "shift": "nb", "item": "ma", "second": "ba", "third": "cb", "third_bias": "c",
               "output": "c", "output_bias": ""},
}  # fmt: skip


def read(folder: Path) -> tuple[runs.Run, Split, list[Arrays]]:
    """A run, the split it was trained on, and by domain the arrays that score. UserError: damaged files."""
    cure = f"Copy the run again, or delete {folder.name} and run its notebook."
    try:
        run = runs.load(folder)
        method, split = registry.method(run.config["method"]), registry.load_split(run.config)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder}: config.json is not a run's ({_line(error)}). {cure}") from error
    shapes = SHAPES.get(method.name, FACTORS if method.scorer is factor_score else {})
    try:
        model = run.model
        return run, split, [_arrays(model, shapes, split, k) for k in range(split.ratings.p)]
    except UserError:  # there is no model
        raise
    except Exception as error:  # a damaged file raises a dozen kinds in zipfile and numpy
        what = f"not the model of a '{method.name}' run on dataset '{split.ratings.name}'"
        raise UserError(f"{folder / 'model.npz'} is damaged, or {what}: {_line(error)}. {cure}") from error


def _arrays(model: Arrays, shapes: dict[str, str], split: Split, domain: int) -> Arrays:
    """The arrays of one domain, by their names without the domain's."""
    own = split.ratings.domains[domain]  # which may hold a dot, as the name of an array does not
    arrays = {name.partition(".")[0]: array for name, array in model.items() if name.partition(".")[2] == own}
    sizes = {"n": len(split.ratings.users), "m": len(split.ratings.items[domain])}
    for name, letters in shapes.items():
        shape = arrays[name].shape
        expected = [sizes.setdefault(letter, size) for letter, size in zip(letters, shape)]
        if list(shape) != expected or len(shape) != len(letters):
            raise ValueError(f"array '{name}.{own}' has the shape {list(shape)}, not {expected}")
    return arrays


def _line(error: Exception) -> str:
    reason = f"there is no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
    return reason or type(error).__name__
