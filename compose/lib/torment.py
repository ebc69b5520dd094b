"""Torments a running platform and judges it: torment.py RUN BIN DATA CONFIG --seed S [--minutes M | --kills N] ...
Called by the command torture, which has started everything. Exits with 0 only if every check holds; prints the
tables, writes RUN/torture.json."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import audit
import names
import outcome
import replay
import topics
from evidence import Evidence
from expectation import Expectation
from fleet import Fleet
from load import Customers, Downstream, Till
from run_folder import RunFolder
from storm import Storm, kinds_for

# Without any progress for so long after the last fault, the platform is stuck.
STALL_SECONDS = 120
SHOW_SECONDS = 20
LOOK_SECONDS = 0.5
# Published behind a replay: when they came out, all of it was read.
MARKERS = 400
MARKER = "marker-"


class Torment:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.run = RunFolder(options.run)
        self.fleet = Fleet(self.run, options.bin, options.disks)
        kinds = kinds_for(len(self.fleet.brokers), options.disks)
        if options.faults:
            kinds = [kind for kind in kinds if kind in options.faults.split(",")]
        self.storm = Storm(self.run, self.fleet, options.seed, kinds)
        self.offer = audit.load_offer(Path(options.config) / "offer-one-per-dollar.json")
        self.till = Till(self.run, Path(options.data), options.rate, options.seed)
        self.customers = Customers(self.run, self.till, options.redemptions, options.seed)
        self.readers = {noun: Downstream(self.run, noun) for noun in (names.AWARDS, names.SPENDS)}
        self.problems: list[str] = []
        self.evidence: Evidence | None = None
        self.due = Expectation({})
        self.figures: dict[str, Any] = {}
        self.elapsed = 0.0
        self.began = time.time()

    def work(self) -> bool:
        for instance in self.fleet.first:
            self.storm.bring_up(instance, "started")
        self.storm.await_ready(self.fleet.first)
        stop_watching, stop_reading = threading.Event(), threading.Event()
        threads = [start(self.storm.watch, stop_watching)]
        threads += [start(reader.work, stop_reading) for reader in self.readers.values()]
        self.storm_and_load()
        checks: list[audit.Check] = []
        if self.settle(len(self.till.published)):
            print("checking", flush=True)
            checks = [check for check in self.judge(dict(self.till.published)) if not check.ok]
            checks += self.replay_and_judge()
        stop_watching.set()
        stop_reading.set()
        for reader in self.readers.values():
            reader.end()
        return self.tell(checks)

    # The storm

    def storm_and_load(self) -> None:
        stop_load, stop_faults = threading.Event(), threading.Event()
        load = [start(self.till.work, stop_load), start(self.customers.work, stop_load)]
        faults = [start(self.storm.inject, stop_faults)]
        if "killed" in (self.options.faults or "killed").split(","):
            faults.append(start(self.storm.kill_in_a_loop, stop_faults))
        shown = time.monotonic()
        while not self.is_enough():
            time.sleep(LOOK_SECONDS)
            if time.monotonic() - shown > SHOW_SECONDS:
                shown = time.monotonic()
                self.show()
        stop_faults.set()
        for thread in faults:
            thread.join()
        self.elapsed = time.monotonic() - self.storm.start
        stop_load.set()
        for thread in load:
            thread.join()
        self.problems += [problem for problem in (self.till.problem, self.customers.problem) if problem]

    def is_enough(self) -> bool:
        if self.till.problem or FAILED:
            return True
        if self.options.kills:
            each = all(self.storm.counts[kind] for kind in self.storm.kinds)
            return each and self.storm.kills.total() >= self.options.kills
        return time.monotonic() - self.storm.start > self.options.minutes * 60

    def show(self) -> None:
        at = time.monotonic() - self.storm.start
        print(
            f"  {at:6.0f} s  {self.storm.kills.total():,} kills, {len(self.till.published):,} purchases,"
            f" {len(self.readers[names.AWARDS].records):,} awards, {len(self.customers.accepted):,} redemptions,"
            f" {len(self.storm.violations)} violations",
            flush=True,
        )

    # Afterwards

    def settle(self, purchases: int) -> bool:
        """Until everything that went in has come out; false if nothing moves any more before that."""
        print("letting it settle", flush=True)
        last, moved = None, time.monotonic()
        while True:
            standing = self.standing()
            awards, decided, notices, is_ready = standing
            due = len(self.readers[names.AWARDS].records) + len(self.readers[names.SPENDS].records)
            is_decided = decided >= len(self.customers.accepted)
            if awards >= purchases and is_decided and notices >= due and is_ready:
                return True
            if standing != last:
                last, moved = standing, time.monotonic()
            if time.monotonic() - moved > STALL_SECONDS:
                self.problems.append(
                    f"nothing has moved for {STALL_SECONDS} s: {awards:,} awards for {purchases:,} purchases,"
                    f" {decided:,} of {len(self.customers.accepted):,} redemptions, {notices:,} of {due:,} notices"
                )
                return False
            time.sleep(LOOK_SECONDS)

    def standing(self) -> tuple[int, int, int, bool]:
        decided = sum(1 for _ in topics.read(self.run, names.REWARDS))
        is_ready = all(instance.is_ready for instance in self.fleet.first)
        return len(self.readers[names.AWARDS].records), decided, self.receiver()["verified"], is_ready

    def receiver(self) -> dict[str, Any]:
        # Asking also makes it write out its notes.
        url = f"http://127.0.0.1:{self.run.receiver_port()}/figures"
        with urllib.request.urlopen(url, timeout=30) as answer:
            figures: dict[str, Any] = json.load(answer)
        return figures

    def judge(self, published: dict[str, Any]) -> list[audit.Check]:
        purchases = {key: audit.purchase_of(line.text, self.offer) for key, line in published.items()}
        self.due = Expectation(purchases)
        invalid = self.receiver()["invalid"]
        with (self.run.path / "receiver/notices.tsv").open() as notices:
            evidence = Evidence(lambda noun: topics.read(self.run, noun), notices)
        self.evidence = evidence
        asked = [audit.Asked(issuance, one.customer) for one, issuance in self.customers.accepted.items()]
        read = {
            noun: {(one.partition, one.offset): one.value for one in topics.read(self.run, noun)}
            for noun in self.readers
        }
        seen = {noun: reader.records for noun, reader in self.readers.items()}
        for reader in self.readers.values():
            self.problems += reader.contradictions
        return audit.all_checks(self.due, evidence, asked, seen, read, invalid)

    def replay_and_judge(self) -> list[audit.Check]:
        assert self.evidence
        before = dict(self.evidence.settled)
        self.figures = self.measure(self.evidence)
        print("publishing ingress and wallet-commands once more", flush=True)
        count = replay.replay_commands(self.run) + replay.replay_ingress(self.run)
        ends = {noun: self.ends(noun) for noun in (names.COMMANDS, names.INGRESS)}
        markers = self.publish_markers()
        everything = dict(self.till.published) | markers
        if not self.settle(len(everything)):
            return []
        checks = self.judge(everything)
        behind = self.partitions_with_markers(ends)
        partitions = int(self.run.text("partitions"))
        return [
            *checks,
            audit.Check("partitions where the replay was read to its end", 2 * partitions, behind, []),
            audit.unchanged(before, self.evidence.settled),
            audit.Check("records replayed", count, count, [] if count else ["nothing was replayed"]),
        ]

    def publish_markers(self) -> dict[str, Any]:
        """Half of them on partitions of their own, half of them anywhere, so that both ways in are behind."""
        line = self.till.lines[0]
        markers = {}
        for number in range(MARKERS):
            text = f" {MARKER}{number:04} 19970101  1   11.77".encode()
            markers[f"{MARKER}{number:04}"] = line._replace(customer=f"{MARKER}{number:04}", text=text)
        chunk = list(markers.items())
        self.till.publish(chunk[::2], "murmur2_random", paced=False)
        self.till.publish(chunk[1::2], "consistent_random", paced=False)
        return markers

    def ends(self, noun: str) -> dict[int, int]:
        return {record.partition: record.offset for record in topics.read(self.run, noun)}

    def partitions_with_markers(self, ends: dict[str, dict[int, int]]) -> int:
        """Of both topics: those that have a marker behind the last record that was published again."""
        found = set()
        for noun, before in ends.items():
            for record in topics.read(self.run, noun):
                if record.offset > before.get(record.partition, -1) and MARKER.encode() in record.value:
                    found.add((noun, record.partition))
        return len(found)

    # Results

    def measure(self, evidence: Evidence) -> dict[str, Any]:
        waits = audit.waits(evidence, topics.read(self.run, names.INGRESS))
        return {
            "waits": audit.figures([one.milliseconds / 1_000 for one in waits]),
            "longest": [
                (one.since / 1_000 - self.began, one.milliseconds / 1_000, one.customer) for one in waits[-5:]
            ],
            "byFault": outcome.longest_by_fault(waits, self.storm.spans),
        }

    def tell(self, checks: list[audit.Check]) -> bool:
        problems = self.storm.violations + self.problems + FAILED
        ok = bool(checks) and all(check.ok for check in checks) and not problems
        losses = audit.losses(self.due, self.evidence) if self.evidence else None
        result = outcome.summarise(self, checks, problems, ok, losses)
        self.run.write_json("torture.json", result)
        outcome.show(result, checks)
        if not ok:
            self.dump()
        return ok

    def dump(self) -> None:
        """Everything on the topics, as kcat shows it, for whoever looks for the cause."""
        folder = self.run.path / "topics"
        folder.mkdir(exist_ok=True)
        listing = subprocess.run(["kcat", "-L", "-J", "-b", self.run.brokers], capture_output=True).stdout
        for topic in [one["topic"] for one in json.loads(listing or b'{"topics": []}')["topics"]]:
            with (folder / f"{topic}.jsonl").open("wb") as file:
                dump = ["kcat", "-CeqJ", "-b", self.run.brokers, "-t", topic]
                subprocess.run(dump, stdout=file, timeout=300)


# What ended a thread before its time.
FAILED: list[str] = []


def start(work: Any, stop: threading.Event) -> threading.Thread:
    def guarded() -> None:
        try:
            work(stop)
        except BaseException as failure:
            # A thread that is gone injects nothing and reads nothing: the run would show less than it says.
            FAILED.append(f"{work.__qualname__}: {type(failure).__name__}: {failure}")
            raise

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    return thread


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("run", "bin", "data", "config"):
        parser.add_argument(name)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--rate", type=int, default=40)
    parser.add_argument("--redemptions", type=float, default=1)
    parser.add_argument("--faults", default="")
    parser.add_argument("--disks", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(0 if Torment(read_options()).work() else 1)
