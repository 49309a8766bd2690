"""Several pictures in one place, of which a reader chooses one: without a script, so on any page."""

import base64
import html
import io
import itertools
from collections.abc import Mapping

import matplotlib.pyplot as plt
from IPython.display import HTML
from matplotlib.figure import Figure

LOOK = "#{0} img {{display: none; max-width: 100%}} #{0} label {{margin-right: 1em; white-space: nowrap}}"
SHOWN = "#{0} input:nth-of-type({1}):checked ~ img:nth-of-type({1}) {{display: block}}"
_numbers = itertools.count(1)


def slider(pictures: Mapping[str, Figure], name: str) -> HTML:
    """Pictures by what tells them apart, the first one shown; arrow keys go from one to the next. name: of
    the whole, as in a file's name. The figures are closed."""
    place = f"choose-{name}-{next(_numbers)}"
    rules = [LOOK.format(place), *(SHOWN.format(place, number + 1) for number in range(len(pictures)))]
    buttons, images = [], []
    for number, (words, figure) in enumerate(pictures.items()):
        key, words = f"{place}-{number}", html.escape(words)
        checked = " checked" if number == 0 else ""
        buttons.append(f'<input type="radio" name="{place}" id="{key}"{checked}>')
        buttons.append(f'<label for="{key}">{words}</label>')
        with io.BytesIO() as file:
            figure.savefig(file, format="png", dpi=144)
            png = base64.b64encode(file.getvalue()).decode()
        plt.close(figure)
        images.append(f'<img alt="{words}" src="data:image/png;base64,{png}">')
    return HTML(f'<style>{" ".join(rules)}</style><div id="{place}">{"".join(buttons + images)}</div>')
