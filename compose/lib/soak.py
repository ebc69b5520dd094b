"""Runs the simulation's command on every core, a share of the seeds each, and adds up what they report.

    soak.py SIMULATE SEEDS MINUTES FROM [REPORT]

Used by compose/soak and compose/check. A process that ends without finishing its share has met a trap: the seed
that it was at counts as failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from typing import Any

PROGRESS_SECONDS = 60
# A failing soak can fail in every seed; more would not be read.
SHOWN_FAILURES = 20


class Soak:
    """What all processes have reported so far."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.runs = 0
        self.records = 0
        self.turns = 0
        self.virtual_milliseconds = 0
        self.faults: dict[str, int] = {}
        self.failures: list[tuple[int, str, list[str]]] = []

    def take(self, run: dict[str, Any]) -> None:
        with self.lock:
            self.runs += 1
            self.records += run["records"]
            self.turns += run["turns"]
            self.virtual_milliseconds += run["virtualMilliseconds"]
            for kind, count in run["faults"].items():
                self.faults[kind] = self.faults.get(kind, 0) + count
            if run["violations"]:
                self.failures.append((run["seed"], run["command"], run["violations"]))
                print(f"seed {run['seed']} FAILED: {run['violations'][0][:300]}", flush=True)

    def fault_count(self) -> int:
        return sum(self.faults.values())


def follow(soak: Soak, command: list[str], first: int, step: int, share: int) -> None:
    """Runs one process to its end."""
    done = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            soak.take(json.loads(line))
            done += 1
    if process.returncode not in (0, 1) and done < share:
        seed = first + done * step
        with soak.lock:
            soak.failures.append((seed, f"simulate --seed {seed}", [f"ended with {process.returncode}"]))
            print(f"seed {seed} ENDED THE PROCESS with {process.returncode}", flush=True)


def run(simulate: str, seeds: int, minutes: int, first: int) -> Soak:
    soak = Soak()
    cores = min(len(os.sched_getaffinity(0)), seeds)
    threads = []
    for core in range(cores):
        share = (seeds - core + cores - 1) // cores
        command = [simulate, "--json", "--from", str(first + core), "--every", str(cores)]
        command += ["--seeds", str(share), "--minutes", str(minutes)]
        threads.append(threading.Thread(target=follow, args=(soak, command, first + core, cores, share)))
    for thread in threads:
        thread.start()
    told = time.monotonic()
    for thread in threads:
        while thread.is_alive():
            thread.join(timeout=1)
            if time.monotonic() - told >= PROGRESS_SECONDS:
                told = time.monotonic()
                print(f"{soak.runs} seeds, {soak.fault_count()} faults, {len(soak.failures)} failed", flush=True)
    return soak


def show(soak: Soak, seconds: float) -> None:
    hours = soak.virtual_milliseconds / 3_600_000
    print(f"\n  {'seeds':32}{soak.runs:>14,}")
    print(f"  {'records on all topics':32}{soak.records:>14,}")
    print(f"  {'turns of workers':32}{soak.turns:>14,}")
    print(f"  {'virtual hours':32}{hours:>14,.0f}")
    print(f"  {'seconds':32}{seconds:>14,.0f}")
    print(f"  {'faults':32}{soak.fault_count():>14,}")
    for kind, count in sorted(soak.faults.items(), key=lambda item: -item[1]):
        print(f"      {kind:28}{count:>14,}")
    print(f"  {'seeds that broke a promise':32}{len(soak.failures):>14,}")
    for seed, command, violations in sorted(soak.failures)[:SHOWN_FAILURES]:
        print(f"\n  seed {seed}: {command}")
        for violation in violations[:3]:
            print(f"      {violation[:500]}")


def main() -> int:
    simulate, seeds, minutes, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    began = time.monotonic()
    soak = run(simulate, seeds, minutes, first)
    seconds = time.monotonic() - began
    show(soak, seconds)
    if len(sys.argv) > 5:
        report = {
            "seeds": soak.runs, "records": soak.records, "turns": soak.turns, "seconds": round(seconds),
            "virtualHours": round(soak.virtual_milliseconds / 3_600_000), "faults": soak.faults,
            "failures": [{"seed": seed, "command": command, "violations": found}
                         for seed, command, found in sorted(soak.failures)],
        }
        with open(sys.argv[5], "w", encoding="utf-8") as file:
            json.dump(report, file, indent=2, sort_keys=True)
            file.write("\n")
    return 0 if soak.runs and not soak.failures else 1


if __name__ == "__main__":
    sys.exit(main())
