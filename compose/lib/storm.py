"""Draws faults from a seed and injects them while the load goes on. Two threads: one kills services with SIGKILL
and restarts them at once, in a loop; the other injects everything else, one fault at a time, on services that
the first leaves alone meanwhile. Notes each fault with its time in RUN/faults.jsonl."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import damage
import names
from fleet import STOP_SECONDS, Fleet, Instance, copy_stores
from nodes import Nodes
from run_folder import RunFolder

# A killed service has to be ready again by then: the session of a member that is gone (10 s), a transaction that
# the broker has to time out (10 s, looked at every 10 s), and a machine that is busy.
READY_SECONDS = 120
# Longer than the session time-out of 10 s.
DEAD_SECONDS = 15
FROZEN_SECONDS = (12, 15)
FULL_SECONDS = (8, 12)
POLL_SECONDS = 0.05
# Between rounds of kills.
GAP_SECONDS = (0.2, 1.2)
# Of a hundred rounds, so many may hit services that are not ready yet.
HASTY_PERCENT = 25
# How often each of the other faults is drawn, relative to each other.
WEIGHTS = {
    "one-of-two-dies": 2,
    "frozen": 3,
    "terminated": 3,
    "store-deleted": 2,
    "store-truncated": 2,
    "store-flipped": 4,
    "store-older": 3,
    "store-swapped": 3,
    "disk-full": 3,
    "broker-stopped": 2,
    "broker-paused": 2,
    "leader-killed": 2,
    "brokers-rolled": 1,
}
# What makes sense with several brokers only, and with one only.
CLUSTER_ONLY = {"leader-killed", "brokers-rolled"}
SINGLE_ONLY = {"broker-stopped"}


def kinds_for(brokers: int, has_disks: bool) -> list[str]:
    left_out = SINGLE_ONLY if brokers > 1 else CLUSTER_ONLY
    return [kind for kind in WEIGHTS if kind not in left_out and (has_disks or kind != "disk-full")]


class Ready(NamedTuple):
    """How long a service took from its end to being ready again."""

    service: str
    fault: str
    seconds: float
    # A broker was stopped or paused meanwhile.
    without_broker: bool


class Storm:
    def __init__(self, run: RunFolder, fleet: Fleet, seed: int, kinds: list[str]) -> None:
        self.run = run
        self.fleet = fleet
        self.nodes = Nodes(run, fleet)
        self.kill_rng = random.Random(f"kills {seed}")
        self.rng = random.Random(f"faults {seed}")
        self.kinds = kinds
        self.start = time.monotonic()
        self.counts: Counter[str] = Counter()
        self.kills: Counter[str] = Counter()
        self.ready: list[Ready] = []
        self.takeovers: list[float] = []
        self.violations: list[str] = []
        # Of each fault: kind, and when it began and ended, in seconds since the epoch.
        self.spans: list[tuple[str, float, float]] = []
        self._lock = threading.RLock()
        self._up: set[Instance] = set()
        self._reserved: set[Instance] = set()
        self._pending: dict[Instance, tuple[float, str, bool]] = {}
        self._log = (run.path / "faults.jsonl").open("a")
        self._actions: dict[str, Callable[[], str]] = {
            "one-of-two-dies": self.one_of_two_dies,
            "frozen": self.frozen,
            "terminated": self.terminated,
            "store-older": self.store_older,
            "disk-full": self.disk_full,
            "broker-stopped": lambda: self.nodes.stop_and_start(self.rng),
            "broker-paused": lambda: self.nodes.pause(self.rng),
            "leader-killed": lambda: self.nodes.kill_leader(self.rng),
            "brokers-rolled": self.nodes.roll,
        }
        for kind, harm in damage.KINDS.items():
            self._actions[kind] = lambda harm=harm: self.store_damaged(harm)

    # Threads

    def kill_in_a_loop(self, stop: threading.Event) -> None:
        while not stop.wait(self.kill_rng.uniform(*GAP_SECONDS)):
            count = self.kill_rng.choice((1, 1, 2, 2, 3, 5))
            is_hasty = self.kill_rng.randrange(100) < HASTY_PERCENT
            with self._lock:
                free = [
                    one
                    for one in self.fleet.instances
                    if one in self._up
                    and one not in self._reserved
                    and (is_hasty or one not in self._pending)
                ]
                victims = self.kill_rng.sample(free, min(count, len(free)))
                for victim in victims:
                    self.kill(victim)
                for victim in victims:
                    self.bring_up(victim, "killed")
            if victims:
                self.note("killed", " ".join(victim.name for victim in victims), quiet=True)

    def inject(self, stop: threading.Event) -> None:
        """Each kind once, then by weight."""
        order = self.rng.sample(self.kinds, len(self.kinds))
        while self.kinds and not stop.wait(self.rng.uniform(1, 4)):
            if not order:
                order = self.rng.choices(self.kinds, [WEIGHTS[kind] for kind in self.kinds], k=8)
            self.inject_one(order.pop(0))

    def inject_one(self, kind: str) -> None:
        began = time.time()
        try:
            detail = self._actions[kind]()
        except Exception as failure:  # A fault that cannot be injected is no proof of anything.
            self.violate(f"{kind}: {type(failure).__name__}: {failure}")
            self.tidy()
            return
        self.spans.append((kind, began, time.time()))
        self.note(kind, f"{detail}, {time.time() - began:.1f} s")

    def tidy(self) -> None:
        """After a fault that did not end as it should: the next one begins with what it expects."""
        for instance in self.fleet.instances:
            instance.signal(signal.SIGCONT)
            instance.free_disk()
        with self._lock:
            for twin in self.fleet.second:
                self._up.discard(twin)
                self._pending.pop(twin, None)
                twin.kill()
            for instance in self.fleet.first:
                if instance not in self._up:
                    self.bring_up(instance, "tidied")

    def watch(self, stop: threading.Event) -> None:
        """Times the way back of every service that was started, and notices one that ended by itself."""
        while not stop.wait(POLL_SECONDS):
            for instance, (since, fault, without_broker) in list(self._pending.items()):
                if instance.is_ready:
                    seconds = time.monotonic() - since
                    with self._lock:
                        if self._pending.get(instance) != (since, fault, without_broker):
                            continue
                        del self._pending[instance]
                        self.ready.append(
                            Ready(
                                instance.service, fault, seconds, without_broker or self.nodes.is_disturbed
                            )
                        )
            with self._lock:
                for instance in list(self._up):
                    if not instance.is_alive:
                        self.violate(f"{instance.name} ended by itself with code {instance.exit_code}")
                        self.bring_up(instance, "ended")

    # Faults on services

    def kill(self, victim: Instance) -> None:
        with self._lock:
            self._up.discard(victim)
            victim.kill()
            self.kills[victim.service] += 1

    def bring_up(self, instance: Instance, fault: str) -> None:
        with self._lock:
            instance.start()
            self._up.add(instance)
            self._pending[instance] = (time.monotonic(), fault, self.nodes.is_disturbed)

    def take_down(self, instance: Instance) -> int | None:
        """In order; the exit code."""
        with self._lock:
            self._up.discard(instance)
            self._pending.pop(instance, None)
        instance.signal(signal.SIGTERM)
        if not instance.wait(STOP_SECONDS):
            self.violate(f"{instance.name} did not end after SIGTERM")
            instance.kill()
        code = instance.exit_code
        instance.forget()
        if code != 0:
            self.violate(f"{instance.name} ended with code {code} after SIGTERM")
        return code

    @contextlib.contextmanager
    def reserved(self, count: int) -> Iterator[list[Instance]]:
        """So many services for one fault, with their twins; the killing thread leaves them alone."""
        with self._lock:
            chosen = self.rng.sample(self.fleet.first, count)
            both = {*chosen, *(self.fleet.twin(one) for one in chosen)}
            self._reserved |= both
        try:
            yield chosen
        finally:
            with self._lock:
                self._reserved -= both

    def await_ready(self, instances: list[Instance]) -> None:
        self.await_all("every service ready", instances, lambda one: one.is_ready)

    def await_all(self, what: str, instances: list[Instance], holds: Callable[[Instance], bool]) -> None:
        end = time.monotonic() + READY_SECONDS
        for instance in instances:
            while not holds(instance):
                if time.monotonic() > end:
                    answer = instance.ask("/readyz")
                    raise TimeoutError(
                        f"waited {READY_SECONDS} s for {what}; {instance.name} says {answer}"
                    )
                time.sleep(POLL_SECONDS)

    def running_partitions(self, instance: Instance) -> int:
        return instance.metric(names.RUNNING_PARTITIONS)

    def has_share(self, instance: Instance) -> bool:
        return instance.is_ready and self.running_partitions(instance) > 0

    def one_of_two_dies(self) -> str:
        partitions = int(self.run.text("partitions"))
        with self.reserved(self.rng.randint(1, 3)) as chosen:
            pairs = [(one, self.fleet.twin(one)) for one in chosen]
            for _, twin in pairs:
                self.bring_up(twin, "joined")
            for pair in pairs:
                self.await_all("a share each", list(pair), self.has_share)
            dead, alive = [], []
            for pair in pairs:
                victim = self.rng.choice(pair)
                self.kill(victim)
                dead.append(victim)
                alive.append(self.fleet.twin(victim))
            died = time.monotonic()
            for survivor in alive:
                self.await_all(
                    "all partitions", [survivor], lambda one: self.running_partitions(one) == partitions
                )
                self.takeovers.append(time.monotonic() - died)
            time.sleep(max(0.0, died + DEAD_SECONDS - time.monotonic()))
            for victim in dead:
                self.bring_up(victim, "dead-15-s")
            self.await_ready([one for pair in pairs for one in pair])
            for _, twin in pairs:
                self.take_down(twin)
            return " ".join(victim.name for victim in dead)

    def frozen(self) -> str:
        """A process that stands still longer than its session lasts is a zombie when it goes on."""
        with self.reserved(self.rng.randint(1, 2)) as chosen:
            has_twins = self.rng.random() < 0.7
            twins = [self.fleet.twin(one) for one in chosen] if has_twins else []
            for twin in twins:
                self.bring_up(twin, "joined")
            if twins:
                self.await_all("a share each", chosen + twins, self.has_share)
            for victim in chosen:
                victim.signal(signal.SIGSTOP)
            time.sleep(self.rng.uniform(*FROZEN_SECONDS))
            for victim in chosen:
                victim.signal(signal.SIGCONT)
            # A moment to notice; what it does with what it had in hand is what this is about.
            time.sleep(1)
            self.await_ready(chosen + twins)
            for twin in twins:
                self.take_down(twin)
            return " ".join(victim.name for victim in chosen) + (" with successors" if twins else "")

    def terminated(self) -> str:
        with self.reserved(self.rng.randint(1, 5)) as chosen:
            self.await_ready(chosen)
            for one in chosen:
                self.take_down(one)
                self.bring_up(one, "terminated")
            self.await_ready(chosen)
            return " ".join(one.name for one in chosen)

    # Faults on files

    def store_damaged(self, harm: Callable[[Any, random.Random], str]) -> str:
        with self.reserved(self.rng.randint(1, 3)) as chosen:
            for one in chosen:
                self.kill(one)
            done = [f"{one.name}: {harm(one.folder, self.rng)}" for one in chosen]
            for one in chosen:
                self.bring_up(one, "store-damaged")
            self.await_ready(chosen)
            return "; ".join(done)

    def store_older(self) -> str:
        with self.reserved(self.rng.randint(1, 3)) as chosen:
            copies = {one: self.run.path / "copies" / one.name for one in chosen}
            for one in chosen:
                self.kill(one)
                # Sometimes the copy of an earlier fault, which is much older.
                if not copies[one].exists() or self.rng.random() < 0.6:
                    copy_stores(one.folder, copies[one])
                self.bring_up(one, "killed")
            self.await_ready(chosen)
            time.sleep(self.rng.uniform(2, 5))
            for one in chosen:
                self.kill(one)
                damage.put_back(copies[one], one.folder)
                self.bring_up(one, "store-damaged")
            self.await_ready(chosen)
            return " ".join(one.name for one in chosen)

    def disk_full(self) -> str:
        with self.reserved(self.rng.randint(1, 2)) as chosen:
            self.await_ready(chosen)
            before = {one: self.full_disks(one) for one in chosen}
            for one in chosen:
                one.fill_disk()
            time.sleep(self.rng.uniform(*FULL_SECONDS))
            met = {one: self.full_disks(one) - before[one] for one in chosen}
            for one in chosen:
                one.free_disk()
            self.await_ready(chosen)
            return " ".join(f"{one.name} met it {met[one]} times" for one in chosen)

    def full_disks(self, instance: Instance) -> int:
        return instance.metric(names.WORKER_FAILURES, code=names.DISK_FULL)

    # Notes

    def note(self, kind: str, detail: str, quiet: bool = False) -> None:
        at = time.monotonic() - self.start
        with self._lock:
            self.counts[kind] += 1
            self._log.write(json.dumps({"at": round(at, 2), "kind": kind, "detail": detail}) + "\n")
            self._log.flush()
        if not quiet:
            print(f"  {at:6.0f} s  {kind:18}{detail}", flush=True)

    def violate(self, what: str) -> None:
        at = time.monotonic() - self.start
        self.violations.append(f"{at:.0f} s: {what}")
        print(f"  {at:6.0f} s  WRONG: {what}", flush=True)
        with self._lock:
            self._log.write(json.dumps({"at": round(at, 2), "kind": "violation", "detail": what}) + "\n")
            self._log.flush()
