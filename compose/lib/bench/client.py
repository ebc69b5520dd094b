"""The outside world: a client library that is not the platform's (confluent-kafka) publishes purchases and reads
what comes out, committed records only."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from run_folder import RunFolder

from .workload import SOURCE, Purchase

FETCHED_AT_ONCE = 5_000
# A topic that does not go on within this time is not going on.
STALL_SECONDS = 60
FLUSH_SECONDS = 120
DELETED_POLL_SECONDS = 0.1


class Stalled(Exception):
    """What is waited for does not come."""


def producer(brokers: str, **settings: Any) -> Producer:
    return Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "queue.buffering.max.kbytes": 1 << 20,
            "queue.buffering.max.messages": 2_000_000,
        }
        | settings
    )


def delete_topics(run: RunFolder, prefix: str) -> None:
    """Those of one platform, and their files. What the broker takes from its disk, or the system writes to it, while
    another platform is measured would be in that one's figures."""
    administrator = AdminClient({"bootstrap.servers": run.brokers})
    found = [name for name in administrator.list_topics(timeout=30).topics if name.startswith(f"{prefix}.")]
    for future in administrator.delete_topics(found).values():
        future.result()
    end = time.monotonic() + STALL_SECONDS
    while any((run.path / "broker" / "data").glob(f"{prefix}.*")):
        if time.monotonic() > end:
            raise Stalled(f"files of {prefix} are still there")
        time.sleep(DELETED_POLL_SECONDS)
    os.sync()


def publish(brokers: str, topic: str, purchases: Iterable[Purchase]) -> int:
    """As fast as it goes.

    Returns how many records the broker has.
    """
    failed: list[str] = []

    def done(error: Any, _: Message) -> None:
        if error is not None:
            failed.append(str(error))

    writer = producer(brokers, **{"linger.ms": 20, "batch.size": 1 << 18})
    count = 0
    headers = [("ce_source", SOURCE.encode())]
    for purchase in purchases:
        writer.produce(topic, purchase.body, purchase.key, headers=headers, on_delivery=done)
        count += 1
        if count % 1_000 == 0:
            writer.poll(0)
    if writer.flush(FLUSH_SECONDS) or failed:
        raise Stalled(f"{topic}: {failed[:1] or 'not everything was published'}")
    return count


def whole(brokers: str, topic: str, partitions: int, take: Callable[[Message], None]) -> int:
    """Hands over every committed record of a topic that nobody writes to any more.

    Returns how many there were.
    """
    reader = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "bench-reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "enable.partition.eof": False,
            "queued.max.messages.kbytes": 1 << 17,
        }
    )
    try:
        places = [TopicPartition(topic, number, 0) for number in range(partitions)]
        ends = {place.partition: reader.get_watermark_offsets(place, timeout=30)[1] for place in places}
        reader.assign(places)
        count, moved = 0, time.monotonic()
        while True:
            messages = reader.consume(FETCHED_AT_ONCE, timeout=0.2)
            for message in messages:
                if message.error() is not None:
                    raise Stalled(f"{topic}: {message.error()}")
                take(message)
            count += len(messages)
            if messages:
                moved = time.monotonic()
                continue
            # Positions stand behind markers, too.
            at = {place.partition: place.offset for place in reader.position(places)}
            if all(end == 0 or at[number] >= end for number, end in ends.items()):
                return count
            if time.monotonic() - moved > STALL_SECONDS:
                raise Stalled(f"{topic} ends at {ends}, the reader stands at {at}")
    finally:
        reader.close()
