"""Faults on brokers: stopped, killed, paused, restarted one after the other. Each returns when every partition has
its leader and all its replicas again, as kcat sees it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from typing import Any

import names
from fleet import Broker, Fleet
from run_folder import RunFolder

HEALTHY_SECONDS = 180
DOWN_SECONDS = (3, 10)
PAUSED_SECONDS = 20
POLL_SECONDS = 0.5


class Nodes:
    def __init__(self, run: RunFolder, fleet: Fleet) -> None:
        self.run = run
        self.brokers = fleet.brokers
        # Whether a broker is away, or was a moment ago.
        self.is_disturbed = False

    def stop_and_start(self, rng: random.Random) -> str:
        broker = rng.choice(self.brokers)
        seconds = rng.uniform(*DOWN_SECONDS)
        return self.disturb(f"{broker.name} stopped", lambda: self.bounce(broker, seconds, broker.stop))

    def kill_leader(self, rng: random.Random) -> str:
        partition = rng.randrange(int(self.run.text("partitions")))
        place = f"{names.COMMANDS} {partition}"
        leader = self.leader(names.COMMANDS, partition)
        return self.disturb(
            f"{leader.name}, leader of {place}, killed",
            lambda: self.bounce(leader, rng.uniform(*DOWN_SECONDS), leader.kill),
        )

    def pause(self, rng: random.Random) -> str:
        broker = rng.choice(self.brokers)

        def hold() -> None:
            broker.signal(signal.SIGSTOP)
            time.sleep(PAUSED_SECONDS)
            broker.signal(signal.SIGCONT)
            self.await_health()

        return self.disturb(f"{broker.name} paused for {PAUSED_SECONDS} s", hold)

    def roll(self) -> str:
        def each() -> None:
            for broker in self.brokers:
                self.bounce(broker, 0, broker.stop)

        return self.disturb("one after the other", each)

    def bounce(self, broker: Broker, seconds: float, end: Any) -> None:
        end()
        time.sleep(seconds)
        broker.start()
        self.await_health()

    def disturb(self, what: str, act: Any) -> str:
        self.is_disturbed = True
        try:
            act()
        finally:
            self.is_disturbed = False
        return what

    def leader(self, noun: str, partition: int) -> Broker:
        for topic in self.metadata()["topics"]:
            if topic["topic"] == self.run.topic(noun):
                number = next(one["leader"] for one in topic["partitions"] if one["partition"] == partition)
                return next(broker for broker in self.brokers if broker.number == number)
        raise LookupError(noun)

    def metadata(self) -> Any:
        answer = subprocess.run(
            ["kcat", "-L", "-J", "-m", "5", "-b", self.run.brokers],
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        return json.loads(answer.stdout) if answer.returncode == 0 else {"topics": []}

    def await_health(self) -> None:
        end = time.monotonic() + HEALTHY_SECONDS
        while not self.is_healthy():
            if time.monotonic() > end:
                raise TimeoutError(f"the brokers are not whole again after {HEALTHY_SECONDS} s")
            time.sleep(POLL_SECONDS)

    def is_healthy(self) -> bool:
        topics = self.metadata()["topics"]
        partitions = [one for topic in topics for one in topic["partitions"]]
        return bool(partitions) and all(
            one["leader"] >= 0 and len(one["isrs"]) == len(one["replicas"]) for one in partitions
        )
