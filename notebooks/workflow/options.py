"""The command line. Standard library only, so that a slip is told before anything is installed."""

import argparse
import difflib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from workflow import NOTEBOOKS

COMMANDS = ("run", "render", "book", "tune", "test", "lab", "bench")  # the last three are done by run_all.sh itself
SOURCES = ("movielens", "twin", "amazon")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Options:
    """What the reader asked for; `extra` goes to Snakemake as it is."""

    command: str = "run"
    profile: str = "quick"
    data: list[str] = field(default_factory=list)
    cores: int = 1
    device: str = "auto"
    dry_run: bool = False
    extra: list[str] = field(default_factory=list)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{message} `./run_all.sh --help` shows all there is.\n")


def parse(arguments: list[str]) -> Options:
    """Read the command line; a slip prints one paragraph and exits with 2."""
    extra = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
    own = arguments[: len(arguments) - len(extra) - 1] if "--" in arguments else arguments
    parser = _parser()
    command = own.pop(0) if (own := list(own)) and not own[0].startswith("-") else "run"
    if command not in COMMANDS:
        parser.error(f"Unknown command '{command}'.{near(command, COMMANDS[1:])} Known: {', '.join(COMMANDS[1:])}.")
    known, unknown = parser.parse_known_args(own)
    if unknown:
        word = unknown[0].split("=")[0]
        parser.error(f"Unknown option '{word}'.{near(word, parser._option_string_actions)}")
    data = [_source(parser, word) for word in known.data]
    profile = "search" if command == "tune" and known.profile == "quick" else known.profile
    return Options(command, profile, data, known.cores, known.device, known.dry_run, extra)


def near(word: str, known) -> str:
    """ " Did you mean '…'?", or nothing when no known word is close."""
    close = difflib.get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def profiles() -> list[str]:
    """Names of the profiles that lie in notebooks/profiles."""
    return sorted(path.stem for path in (NOTEBOOKS / "profiles").glob("*.yaml"))


def _parser() -> _Parser:
    parser = _Parser(prog="./run_all.sh", add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", default="quick", type=_one_of("profile", profiles()))
    parser.add_argument("--data", action="append", default=[])
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--cores", type=_cores, default=mine)
    parser.add_argument("--device", default="auto", type=_one_of("device", DEVICES))
    parser.add_argument("--dry-run", action="store_true")
    return parser


def _one_of(what: str, known):
    def check(word: str) -> str:
        if word not in known:
            raise argparse.ArgumentTypeError(f"Unknown {what} '{word}'.{near(word, known)} Known: {', '.join(known)}.")
        return word

    return check


def _cores(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"'{word}' is not a number of cores; expected 1 or more.")
    return int(word)


def _source(parser: _Parser, word: str) -> str:
    """A known source, or the absolute path of a file that is there."""
    if word in SOURCES:
        return word
    path = Path(word).expanduser()
    if not path.is_file():
        parser.error(
            f"argument --data: '{word}' is neither a known source nor a file.{near(word, SOURCES)} "
            f"Known: {', '.join(SOURCES)}, or the path of a CSV, TSV or Parquet file with the columns domain, user, item, rating "
            f"(relative paths start at {Path.cwd()})."
        )
    return str(path.resolve())


if __name__ == "__main__":
    parse(sys.argv[1:])
