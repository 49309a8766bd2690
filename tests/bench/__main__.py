"""The command line of `./run_all.sh bench`: measurements one after the other, then table and report."""

import argparse
import os
import platform
import sys
from pathlib import Path
from statistics import median

from bench import compare, peers, processes, rows
from companion import files, paths

MEASURES = tuple(compare.MAKERS)
NEEDS = {"bpr": ("training",)}
PAGE = processes.TESTS.parent / "docs" / "speed.md"
MARKS = ("<!-- measured: written by ./run_all.sh bench --page -->", "<!-- end of measured -->")
# peer -> measure
OTHERS = {"cornac": "bpr", "implicit": "ranking", "ranx": "ranking", "gradnorm": "training"}
RIVALS = {  # peer -> measure, module, its arguments, and how often it is measured in turns with ours
    "recbole": ("bpr", "peer_recbole", {"batches": [2048, 8192, 32768], "at_once": []}, 1),
    "recbole_default": ("ranking", "peer_recbole", {"batches": [], "at_once": [0]}, 1),
    "recbole_best": ("ranking", "peer_recbole", {"batches": [], "at_once": [64, 256, 512]}, 3),
    "conet": ("bpr", "peer_conet", {"rank_seconds": 0}, 1),
    "conet_ranks": ("sconet", "peer_conet", {"rounds": 0, "rank_seconds": 20}, 3),
}


def main(words: list[str]) -> int:
    """Measure; the exit code says whether a measurement of ours failed, not whether a bar was met."""
    options, load = parse(words), os.getloadavg()[0]
    bench = Bench(options)
    answers = bench.measure_ours()
    if options.peers:
        answers |= bench.measure_peers(answers)
    table, facts = compare.rows(answers), describe(options, load)
    report = {"facts": facts, "answers": answers, "rows": [row.record() for row in table]}
    file = paths.home() / "data" / "reports" / "bench" / "report.json"
    files.write_json(file, report)
    print("", rows.plain(table), "", *facts, f"Report: {file}", sep="\n")
    if options.page:
        files.put_between(PAGE, *MARKS, lambda: "  \n".join(facts) + "\n\n" + rows.markdown(table))
    return int(any("failed" in answers[name] for name in options.only))


def parse(words: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="./run_all.sh bench", allow_abbrev=False)
    usual = [name for name in MEASURES if name != "gpu"]
    parser.add_argument("--only", type=_measures, default=usual, help=f"of {','.join(MEASURES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="of the synthetic twin; 1 is Table I")
    scales, what = lambda word: list(map(float, word.split(","))), "of the twins that grow, times --scale"
    parser.add_argument("--scales", type=scales, default=[0.3, 1.0, 3.0], help=f"{what} (0.3,1,3)")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--threads", type=int, default=cores(), help="of every library")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="measure ours alone")
    parser.add_argument("--recbole-cdr", type=_folder, help="RecBole-CDR's source tree, to measure its CoNet")
    parser.add_argument("--page", action="store_true", help="put the table into docs/speed.md too")
    return parser.parse_args(words)


def _measures(word: str) -> list[str]:
    names = word.split(",")
    for name in names:
        if name not in MEASURES:
            raise argparse.ArgumentTypeError(f"'{name}' is unknown; there are {', '.join(MEASURES)}")
    return names


def _folder(word: str) -> Path:
    path = Path(word).expanduser().resolve()
    if not (path / "recbole_cdr" / "model").is_dir():
        raise argparse.ArgumentTypeError(f"{path} holds no recbole_cdr/model, as RecBole-CDR's source does")
    return path


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe(options: argparse.Namespace, load: float) -> list[str]:
    """Machine, versions and data, a line each; `load` is that of other processes, beforehand."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    words = lambda versions: ", ".join(f"{name} {version}" for name, version in versions.items())
    ours, others = words(files.versions()), words(peers.versions() if options.peers else {})
    caution = "" if options.scale == 1 else " The bars are meant for scale 1: at this one they say nothing."
    return [
        f"Machine: {model or platform.machine()}, {cores()} cores, {options.threads} threads, "
        f"load {load:.1f} before; {platform.system()}.",
        f"Ours: {ours}, Python {platform.python_version()}.",
        f"Peers: {others or 'none (--no-peers)'}.",
        f"Data: synthetic twin of Table I, scale {options.scale:g}.{caution}",
    ]


class Bench:
    """Starts the processes, one at a time, and prints which."""

    def __init__(self, options: argparse.Namespace):
        self.options, self.home = options, paths.home().resolve() / "data" / "bench"
        self.folder = self.home / "peers"
        twin = {"scale": options.scale, "rounds": options.rounds}
        self.works = {  # measure -> module, arguments
            "training": ("training", twin), "ranking": ("ranking", twin), "start": ("start", twin),
            "sconet": ("ranking", twin | {"only": "sconet"}),
            "recommend": ("ranking", twin | {"only": "recommend"}),
            "memory": ("sizes", twin | {"whole": True}), "gpu": ("gpu", twin),
        }  # fmt: skip

    def run(self, name: str, module: str, arguments: dict, **python) -> dict:
        """The answer of one process."""
        print(f"{name} ...", end=" ", flush=True)
        answer = processes.run(module, arguments, self.home, self.options.threads, **python)
        print(answer.get("failed") or f"{answer['wall_seconds']:.0f} s", flush=True)
        return answer

    def measure_ours(self) -> dict[str, dict]:
        """Answers by measure."""
        needs = {each for name in self.options.only for each in (name, *NEEDS.get(name, ()))}
        names = [name for name in MEASURES if name in needs]
        twin = self.run("twin", "music", {"scale": self.options.scale, "folder": str(self.folder / "music")})
        if "failed" in twin:
            return dict.fromkeys(names, twin)
        answers = {name: self.run(name, *self.works[name]) for name in names if name in self.works}
        if "scales" in names:
            answers["scales"] = {"sizes": {f"{scale:g}": self._scale(scale) for scale in self.options.scales}}
        return answers | ({"bpr": {}} if "bpr" in names else {})

    def _scale(self, factor: float) -> dict:
        scale = self.options.scale * factor
        twin = self.run(f"twin at {scale:g}", "music", {"scale": scale})
        arguments = {"scale": scale, "rounds": self.options.rounds}
        return twin if "failed" in twin else self.run(f"scale {scale:g}", "sizes", arguments)

    def measure_peers(self, answers: dict[str, dict]) -> dict[str, dict]:
        """Answers by peer; and ours anew where it takes turns with a peer: a slow minute hits both."""
        python, why = peers.environment(self.home)
        of_peers = {"python": python, "python_path": str(processes.TESTS)}
        common = {"folder": str(self.folder), "rounds": self.options.rounds}
        results = {}
        for name, measure in OTHERS.items():
            if measure in self.options.only:
                where = {} if name in ("cornac", "ranx") else of_peers
                arguments = common | {"name": name, "threads": self.options.threads}
                failure = {"failed": why} if where and why else None
                results[name] = failure or self.run(name, "peer_others", arguments, **where)
        for name, (measure, module, arguments, turns) in RIVALS.items():
            if measure in self.options.only:
                where, no = self._recbole_cdr(of_peers, why) if module == "peer_conet" else (of_peers, why)
                turn = {"failed": no} if no else None
                ours, theirs = [answers[measure]], []
                for number in range(1 if no else turns):
                    ours += [self.run(measure, *self.works[measure])] if number else []
                    theirs.append(turn or self.run(name, module, common | arguments, **where))
                results |= {measure: middle(ours), name: middle(theirs)}
        return results

    def _recbole_cdr(self, of_peers: dict, why: str) -> tuple[dict, str]:
        """How its processes are started, or why they cannot be."""
        if self.options.recbole_cdr is None:
            return {}, "skipped: needs --recbole-cdr PATH"
        old_recbole, why = ("", why) if why else peers.old_recbole(self.home, of_peers["python"])
        folders = [str(processes.TESTS), str(self.options.recbole_cdr), old_recbole]
        return of_peers | {"python_path": os.pathsep.join(folders)}, why


def middle(answers: list[dict]) -> dict:
    """The median of every number, or the first answer that failed."""
    for answer in answers:
        if "failed" in answer:
            return answer
    values = {}
    for key, first in answers[0].items():
        of_key = [answer[key] for answer in answers]
        values[key] = middle(of_key) if isinstance(first, dict) else median(of_key)
    return values


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
