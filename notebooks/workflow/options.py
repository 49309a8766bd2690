"""The command line. Standard library only, so that a slip is told before anything is installed."""

import argparse
import difflib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from workflow import NOTEBOOKS

OWN = "own"  # the profile of the reader's own file, if she names none
COMMANDS = ("run", "render", "book", "tune", "test", "lab", "python", "bench")  # the last four are done by run_all.sh itself
SOURCES = ("movielens", "twin", "amazon")
DEVICES = ("auto", "cpu", "cuda")
ELSEWHERE = ("--executor", "-e", "--profile", "--workflow-profile")  # Snakemake's words that may send jobs to other machines


@dataclass(frozen=True)
class Options:
    """What the reader asked for; `extra` goes to Snakemake as it is."""

    command: str = "run"
    profile: str = "quick"
    own: str = ""  # the profile of own files, where it is another
    data: list[str] = field(default_factory=list)
    cores: int = 1
    device: str = "auto"
    dry_run: bool = False
    extra: list[str] = field(default_factory=list)

    @property
    def elsewhere(self) -> bool:
        """Whether Snakemake hands the jobs to a cluster."""
        return elsewhere(self.extra)


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
    profile = known.profile or "quick"
    profile = "search" if command == "tune" and profile == "quick" else profile
    own = OWN if command == "run" and not known.profile else profile
    at_once = after(extra, "--jobs", "-j") if elsewhere(extra) else ""
    cores = int(at_once) if at_once.isdecimal() else known.cores
    return Options(command, profile, own, data, cores, known.device, known.dry_run, extra)


def elsewhere(words: list[str]) -> bool:
    """Whether words for Snakemake send its jobs to other machines."""
    return after(words, *ELSEWHERE) not in ("", "local")


def after(words: list[str], *names: str) -> str:
    """What stands after one of these options, or "": `--name x` and `--name=x`."""
    pairs = [word.partition("=")[::2] if "=" in word else (word, value) for word, value in zip(words, [*words[1:], ""])]
    return next((value for name, value in pairs if name in names), "")


def near(word: str, known) -> str:
    """ " Did you mean '…'?", or nothing when no known word is close."""
    close = difflib.get_close_matches(word, [str(k) for k in known], n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""


def profiles() -> list[str]:
    """Names of the profiles that lie in notebooks/profiles."""
    return sorted(path.stem for path in (NOTEBOOKS / "profiles").glob("*.yaml"))


def _parser() -> _Parser:
    parser = _Parser(prog="./run_all.sh", add_help=False, allow_abbrev=False)
    parser.add_argument("--profile", type=_one_of("profile", profiles()))
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
