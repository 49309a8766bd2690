"""How far the trainings are: one line that changes in a terminal, plain lines elsewhere."""

import shutil
import sys
import time


class Live:
    """began, end: seconds since 1970, between which all is done. epochs: of a training, by its title."""

    def __init__(self, began: float, end: float):
        self.began, self.end, self.epochs = began, end, {}
        self.terminal = sys.stdout.isatty()

    def tell(self, words: str) -> None:
        """Something that happened, as a line that stays."""
        self._clear()
        print(f"{self._minutes(time.time() - self.began)}  {words}", flush=True)

    def show(self, running: list[str], done: int) -> None:
        """What is running, in the line that changes; nothing without a terminal."""
        if self.terminal:
            now = time.time()
            gone, left = self._minutes(now - self.began), self._minutes(self.end - now)
            line = f"{gone} gone, {left} left, {done} done"
            for name in running:
                line += f" · {name}" + (f", epoch {self.epochs[name]}" if name in self.epochs else "")
            self._clear()
            print(line[: shutil.get_terminal_size().columns - 1], end="", flush=True)

    def _clear(self) -> None:
        print("\r\x1b[K" if self.terminal else "", end="")

    def _minutes(self, seconds: float) -> str:
        minutes, seconds = divmod(max(0, int(seconds)), 60)
        return f"{minutes}:{seconds:02}"
