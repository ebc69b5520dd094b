"""Runs the benchmark's sections one after the other and writes what was found: python3 -m bench RUN BIN OPTIONS...
Called by compose/bench, which has started the broker. Nothing else should run on the machine."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from typing import Any

import names
from confluent_kafka import KafkaException
from run_folder import RunFolder

from . import door, floor, history, instructions, latency, load, profile, scale, table, throughput, waited
from .client import Stalled
from .awards import Inexact
from .rig import Setup
from .scale import workload

SECTIONS = (
    "throughput",
    "alone",
    "million",
    "latency",
    "floor",
    "outcome",
    "door",
    "scale",
    "recovery",
    "history",
    "profile",
    "instructions",
)
COUNTED_PURCHASES = 12_000
CHAIN_FIGURES = ("perSecond", "perSecondFromStart", "cpuMicroseconds", "perSecondEarly", "perSecondLate")
LEDGER = "wallet-ledger"
QUICK = ("throughput", "alone", "latency", "outcome", "door")


def spread(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 2), "least": min(values), "most": max(values)}


def spreads(runs: list[dict[str, dict[str, float]]]) -> dict[str, Any]:
    """Of each figure of each row."""
    return {
        row: {figure: spread([one[row][figure] for one in runs]) for figure in runs[0][row]} for row in runs[0]
    }


class Bench:
    def __init__(self, run: RunFolder, options: argparse.Namespace) -> None:
        self.quick = options.quick
        self.kept = options.kept
        self.runs = options.runs or (1 if options.quick else 3)
        self.purchases = options.purchases or (60_000 if options.quick else 300_000)
        self.setup = Setup(run, options.bin, dict(entry.split("=", 1) for entry in options.set))

    def section(self, name: str) -> Any:
        return getattr(self, name)()

    def throughput(self) -> Any:
        return self._chains(self.purchases, self.runs)

    def million(self) -> Any:
        return self._chains(1_000_000, self.runs)

    def _chains(self, purchases: int, runs: int) -> Any:
        found = [
            throughput.chain(self.setup, workload(seed, purchases, 100_000)) for seed in range(1, runs + 1)
        ]
        return {
            **{name: spread([one[name] for one in found]) for name in CHAIN_FIGURES if name in found[0]},
            "services": spreads([one["services"] for one in found]),
            "runs": found,
        }

    def alone(self) -> Any:
        figures = self._alone(self.setup)
        if not self.quick:
            # What DESIGN sets an aim for.
            one_worker = self.setup.settings | {f"{LEDGER}:POINTSTREAM_WORKERS": "1"}
            figures[f"{LEDGER}, 1 worker"] = self._alone(self.setup._replace(settings=one_worker))[LEDGER]
        return figures

    def _alone(self, setup: Setup) -> dict[str, Any]:
        return spreads(
            [
                throughput.alone(setup, workload(10 + seed, self.purchases, 100_000))
                for seed in range(self.runs)
            ]
        )

    def latency(self) -> Any:
        rates, seconds = ([100, 1_000], 8) if self.quick else ([100, 1_000, 5_000], 30)
        return spreads([latency.open_loop(self.setup, rates, seconds) for _ in range(self.runs)])

    def floor(self) -> Any:
        return spreads(
            [
                floor.measure(self.setup, 8 if self.quick else 30)
                | {"waiting": floor.throughput(self.setup, self.purchases)}
                for _ in range(self.runs)
            ]
        )

    def outcome(self) -> Any:
        rate, seconds = (200, 8) if self.quick else (1_000, 30)
        return spreads([{str(rate): waited.measure(self.setup, rate, seconds)} for _ in range(self.runs)])

    def door(self) -> Any:
        return spreads([door.measure(self.setup, 5 if self.quick else 15) for _ in range(self.runs)])

    def scale(self) -> Any:
        return scale.workers(self.setup, self.purchases) | scale.wallets(self.setup, self.purchases)

    def recovery(self) -> Any:
        return scale.recovery(self.setup, 50_000 if self.quick else 1_000_000)

    def history(self) -> Any:
        counts = [400_000] if self.quick else [1_000_000, 10_000_000]
        return {f"{count} awards": scale.history(self.setup, count) for count in counts}

    def profile(self) -> Any:
        return profile.measure(self.setup, workload(60, self.purchases, 100_000))

    def instructions(self) -> Any:
        # Counts do not spread: a few purchases tell as much as many.
        return instructions.measure(
            self.setup, workload(70, COUNTED_PURCHASES, COUNTED_PURCHASES // instructions.PURCHASES_A_WALLET)
        )


def head(root: Path, bench: Bench) -> dict[str, Any]:
    """What the figures are of."""

    def output(*command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    processor = models[0] if models else platform.machine()
    memory = int(Path("/proc/meminfo").read_text().split()[1]) // 1024
    changed = output("git", "-C", str(root), "status", "--porcelain")
    broker = [bench.setup.run.text("kafka-version"), os.environ.get("KAFKA_HEAP_OPTS", "")]
    broker += os.environ.get("broker_properties", "").split()
    return {
        "commit": output("git", "-C", str(root), "rev-parse", "--short=12", "HEAD")
        + ("+" if changed else ""),
        "time": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "executables": "as they were found" if bench.kept else "built from it",
        "machine": f"{processor}, {output('nproc')} cores, {memory} MiB, Linux {platform.release()}",
        "load": Path("/proc/loadavg").read_text().split()[0],
        "kafka": ", ".join(broker),
        "java": output(load.java(), "--version").splitlines()[0],
        "outside client": f"confluent-kafka {version('confluent-kafka')}, and Kafka's own for latency",
        "librdkafka": output("dpkg-query", "-W", "-f=${Version}", "librdkafka1"),
        "sqlite": output("dpkg-query", "-W", "-f=${Version}", "libsqlite3-0"),
        "swift": output("swift", "--version").splitlines()[0],
        "settings": bench.setup.settings,
        "runs": bench.runs,
        "purchases": bench.purchases,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("bin")
    parser.add_argument("root")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--kept", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--runs", type=int, default=0)
    parser.add_argument("--purchases", type=int, default=0)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--report", default="")
    parser.add_argument("--row", default="")
    options = parser.parse_args()
    bench = Bench(RunFolder(options.run), options)
    for entry in options.set:
        whose = entry.partition("=")[0].rpartition(":")[0]
        if whose not in ("", *names.SERVICES):
            print(f"there is no service {whose}: {', '.join(names.SERVICES)}", file=sys.stderr)
            return 2
    sections = [name for name in options.only.split(",") if name] or list(
        QUICK if options.quick else SECTIONS
    )
    if unknown := [name for name in sections if name not in SECTIONS]:
        print(f"there is no section {unknown[0]}: {', '.join(SECTIONS)}", file=sys.stderr)
        return 2
    report: dict[str, Any] = {"head": head(Path(options.root), bench)}
    table.show_head(report["head"])
    if options.row and report["head"]["commit"].endswith("+"):
        print("a row is of a commit: commit what was changed first", file=sys.stderr)
        return 2
    for name in sections:
        print(f"\n{name}", flush=True)
        try:
            report[name] = bench.section(name)
        except (Inexact, Stalled, RuntimeError, KafkaException, subprocess.SubprocessError) as error:
            print(f"  no figures: {error}", file=sys.stderr)
            return 1
        table.show(name, report[name])
        if options.report:
            Path(options.report).write_text(json.dumps(report, indent=2) + "\n")
    if options.row:
        history.append(Path(options.row), report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
