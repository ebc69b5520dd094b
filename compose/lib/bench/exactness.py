"""Whether every award came out exactly once: what a workload is due against what an outside reader finds. No figure is
printed of a run that is not exact."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import NamedTuple

import names
from confluent_kafka import Message

from . import client
from .rig import Rig
from .workload import Workload, due

SHOWN = 5


class Inexact(Exception):
    """Something was lost, doubled or counted wrong."""


class Awards(NamedTuple):
    """What a reader finds on `awards`."""

    count: int
    # Record timestamps, in seconds.
    first: float
    last: float
    # Of each purchase in the order of the topic's partitions: its award's timestamp.
    times: list[float]


def read_awards(rig: Rig, *workloads: Workload) -> Awards:
    """Reads all awards and holds them against all that was published."""
    expected = due(workloads)
    found: dict[str, int] = defaultdict(int)
    sequences: dict[str, int] = defaultdict(int)
    settled: dict[str, int] = {}
    events: set[str] = set()
    times: list[float] = []
    wrong: list[str] = []

    def take(message: Message) -> None:
        value = message.value()
        assert value is not None
        body = json.loads(value)
        who = body["externalId"]
        if body["event"] in events:
            wrong.append(f"{body['event']} was awarded twice")
        events.add(body["event"])
        if body["sequence"] <= sequences[who]:
            wrong.append(f"{who}: sequence {body['sequence']} after {sequences[who]}")
        sequences[who] = body["sequence"]
        found[who] += body["points"]
        settled[who] = body["balances"]["settled"]
        times.append(message.timestamp()[1] / 1_000)

    client.whole(rig.brokers, rig.topic(names.AWARDS), rig.partitions, take)
    purchases = sum(workload.purchases for workload in workloads)
    if len(events) != purchases:
        wrong.append(f"{len(events)} awards of {purchases} purchases")
    for who, points in expected.items():
        if found[who] != points or settled.get(who) != points:
            wrong.append(f"{who} is due {points}, was awarded {found[who]}, has {settled.get(who)}")
    if wrong:
        raise Inexact("; ".join(wrong[:SHOWN]) + f" ({len(wrong)} in all; {rig.run.path})")
    for service in names.SERVICES:
        dead: list[bytes] = []
        client.whole(
            rig.brokers, rig.topic(names.dead_letters(service)), rig.partitions, lambda m: dead.append(m.value() or b"")
        )
        if dead:
            raise Inexact(f"{len(dead)} dead letters of {service}, such as {dead[0][:200]!r}")
    return Awards(len(times), min(times), max(times), sorted(times))
