"""What notebook 10's controls have in common: a training beside the page, and whether there is a page to click at all."""

import threading
from collections.abc import Callable

import ipywidgets as W
from IPython import get_ipython

from adc.errors import UserError
from adc.explore import cards
from adc.explore.watch import Stopped, Tell

WIDE = W.Layout(width="auto", flex="1 1 320px")
LABEL = {"description_width": "64px"}


def usable() -> bool:
    """Whether somebody sits before the page: a front end that can ask its reader a question says so with every cell."""
    shell = get_ipython()
    parent = shell.get_parent() if hasattr(shell, "get_parent") else {}
    return bool(parent.get("content", {}).get("allow_stdin"))


class Task:
    """A training in a thread of its own, so that the page stays free, with its bar and a button that stops it.

    One runs at a time, as all draw from PyTorch's one random generator; the next waits.
    """

    _turn = threading.Lock()

    def __init__(self) -> None:
        self.bar = W.IntProgress(layout=W.Layout(width="180px"))
        self.button = W.Button(description="Stop", icon="stop", layout=W.Layout(width="90px"))
        self.button.on_click(lambda _: self.stop())
        self.said = W.HTML()
        self._moving = W.HBox([self.bar, self.button], layout=W.Layout(display="none"))
        self.row = W.HBox([self._moving, self.said], layout=W.Layout(align_items="center"))
        self._end = threading.Event()

    def start(self, work: Callable[[Tell], str], most: int, what: str) -> None:
        """Do the work after stopping what this task was at; it is given what to tell (of `most` passes) and returns a
        closing sentence."""
        self.stop()
        self._end = threading.Event()
        self.bar.max, self.bar.value = most, 0
        self.say(what)
        self._moving.layout.display = ""
        threading.Thread(target=self._run, args=(work, self._end), daemon=True).start()

    def stop(self) -> None:
        """Ask for the end; it comes within one step of descent."""
        self._end.set()

    def say(self, text: str) -> None:
        """Put a sentence beside the bar."""
        self.said.value = cards.note(text)

    def _run(self, work: Callable[[Tell], str], end: threading.Event) -> None:
        closing = "Ended by an error, which stands below the cell that was run last."
        try:
            with Task._turn:
                self._told(0, end)
                closing = work(lambda passes: self._told(passes, end))
        except Stopped:
            closing = "Stopped; nothing was stored."
        except UserError as error:
            closing = str(error)
        finally:
            if self._end is end:  # else another training has taken its place
                self._moving.layout.display = "none"
                self.say(closing)

    def _told(self, passes: int, end: threading.Event) -> None:
        if end.is_set():
            raise Stopped
        if self.bar.value != passes:
            self.bar.value = min(passes, self.bar.max)
