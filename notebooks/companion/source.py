"""The code of functions and classes, for a notebook to show: what is shown is what runs."""

from inspect import getsource

from IPython.display import Code


def code(*objects: object) -> Code:
    """Their sources, one below the other."""
    return Code("\n\n".join(map(getsource, objects)), language="python")
