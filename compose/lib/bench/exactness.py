"""Reads what came out, to its end, for `awards` to judge."""

from __future__ import annotations

import names
from confluent_kafka import Message

from . import client
from .awards import Awards
from .rig import Rig


def read_awards(rig: Rig) -> Awards:
    """By an outside reader; what a service gave up is found, too."""
    found = Awards()

    def take(message: Message) -> None:
        found.take(message.value() or b"", message.timestamp()[1] / 1_000)

    client.whole(rig.brokers, rig.topic(names.AWARDS), rig.partitions, take)
    found.times.sort()
    for service in names.SERVICES:
        found.wrong += dead_letters(rig, service)
    return found


def dead_letters(rig: Rig, service: str) -> list[str]:
    dead: list[bytes] = []
    topic = rig.topic(names.dead_letters(service))
    client.whole(rig.brokers, topic, rig.partitions, lambda message: dead.append(message.value() or b""))
    return [f"{service} gave up {one[:200]!r}" for one in dead]
