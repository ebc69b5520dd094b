"""Whether every award came out exactly once, and when: what some purchases are due against what was found. No figure is
printed of a run that is not exact. Pure; exactness and load feed it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from .workload import Purchase, Workload, customer, due

SHOWN = 5


class Inexact(Exception):
    """Something was lost, doubled or counted wrong."""


class Awards:
    """What was found on `awards`, to its end."""

    def __init__(self) -> None:
        # Timestamps of the records, in seconds, in ascending order.
        self.times: list[float] = []
        # How many there are of each time of purchase.
        self.purchases: Counter[str] = Counter()
        self.points: dict[str, int] = defaultdict(int)
        self.settled: dict[str, int] = {}
        self.wrong: list[str] = []
        self._events: set[str] = set()
        self._sequences: dict[str, int] = defaultdict(int)

    def take(self, value: bytes, when: float) -> None:
        body = json.loads(value)
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
        self.times.append(when)

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
        wrong += [f"{who} is due nothing" for who in self.points.keys() - expected.points.keys()]
        if wrong:
            raise Inexact("; ".join(wrong[:SHOWN]) + f" ({len(wrong)} in all)")
        return self


def check_answers(answered: Iterable[tuple[Purchase, bytes]], published: dict[str, Any]) -> None:
    """What a caller was told has to be the award of its own purchase, as it was published under its event."""
    for purchase, answer in answered:
        told = json.loads(answer)
        asked = customer(purchase.wallet), purchase.occurred_at
        if told != published.get(told.get("event")) or (told["externalId"], told["occurredAt"]) != asked:
            raise Inexact(f"{purchase.key} of {asked} was answered {told}")


def delays(workload: Workload, begun: int, per_second: int, arrivals: Iterable[bytes]) -> list[float]:
    """Seconds of each purchase from when it was due, the first one at this microsecond, to when its award was there.

    An arrival is microseconds, a tab and the award.
    """
    arrived: dict[str, int] = {}
    for line in arrivals:
        micros, _, award = line.partition(b"\t")
        arrived.setdefault(json.loads(award)["occurredAt"], int(micros))
    due = {one.occurred_at: begun + number * 1_000_000 // per_second for number, one in enumerate(workload)}
    if missing := due.keys() - arrived.keys():
        raise Inexact(f"{len(missing)} of {len(due)} purchases have no award, others have two")
    if early := sum(arrived[which] < when for which, when in due.items()):
        raise Inexact(f"{early} awards came before their purchases were due: they are others'")
    return [(arrived[which] - when) / 1e6 for which, when in due.items()]
