"""Whether every award came out exactly once: what some purchases are due against what an outside reader finds. No
figure is printed of a run that is not exact."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable

import names
from confluent_kafka import Message

from . import client
from .rig import Rig
from .workload import Purchase, due

SHOWN = 5


class Inexact(Exception):
    """Something was lost, doubled or counted wrong."""


class Awards:
    """What a reader finds on `awards`, to its end."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        # Timestamps of the records, in seconds, in ascending order.
        self.times: list[float] = []
        # How many there are of each time of purchase.
        self.purchases: Counter[str] = Counter()
        self.points: dict[str, int] = defaultdict(int)
        self.settled: dict[str, int] = {}
        self.wrong: list[str] = []
        self._events: set[str] = set()
        self._sequences: dict[str, int] = defaultdict(int)
        client.whole(rig.brokers, rig.topic(names.AWARDS), rig.partitions, self._take)
        self.times.sort()

    def _take(self, message: Message) -> None:
        body = json.loads(message.value() or b"")
        who, event = body["externalId"], body["event"]
        if event in self._events:
            self.wrong.append(f"{event} was awarded twice")
        self._events.add(event)
        if body["sequence"] <= self._sequences[who]:
            self.wrong.append(f"{who}: sequence {body['sequence']} after {self._sequences[who]}")
        self._sequences[who] = body["sequence"]
        self.points[who] += body["points"]
        self.settled[who] = body["balances"]["settled"]
        self.purchases[body["occurredAt"]] += 1
        self.times.append(message.timestamp()[1] / 1_000)

    @property
    def seconds(self) -> float:
        """From the first to the last."""
        return self.times[-1] - self.times[0]

    def check(self, purchases: Iterable[Purchase]) -> Awards:
        """Holds them against all that was accepted."""
        expected = due(purchases)
        wrong = list(self.wrong)
        if len(self.times) != expected.awards:
            wrong.append(f"{len(self.times)} awards of {expected.awards} purchases")
        for who, points in expected.points.items():
            if self.points.get(who) != points or self.settled.get(who) != points:
                found = f"was awarded {self.points.get(who)}, has {self.settled.get(who)}"
                wrong.append(f"{who} is due {points}, {found}")
        if wrong:
            raise Inexact("; ".join(wrong[:SHOWN]) + f" ({len(wrong)} in all; {self.rig.run.path})")
        for service in names.SERVICES:
            check_no_dead_letter(self.rig, service)
        return self


def check_no_dead_letter(rig: Rig, service: str) -> None:
    dead: list[bytes] = []

    def take(message: Message) -> None:
        dead.append(message.value() or b"")

    client.whole(rig.brokers, rig.topic(names.dead_letters(service)), rig.partitions, take)
    if dead:
        raise Inexact(f"{len(dead)} dead letters of {service}, such as {dead[0][:200]!r}")
