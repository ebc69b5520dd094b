"""The outside world: a client library that is not the platform's (confluent-kafka) publishes purchases and reads
what comes out, committed records only."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from .workload import SOURCE, Purchase

FETCHED_AT_ONCE = 5_000
# A topic that does not go on within this time is not going on.
STALL_SECONDS = 60
FLUSH_SECONDS = 120
# Between two questions for a partition's leader.
LEADER_SECONDS = 0.1
LEADERLESS = (
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)


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


def delete_topics(brokers: str, prefix: str) -> None:
    """Those of one platform."""
    administrator = AdminClient({"bootstrap.servers": brokers})
    found = [name for name in administrator.list_topics(timeout=30).topics if name.startswith(f"{prefix}.")]
    for future in administrator.delete_topics(found).values():
        future.result()


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


def end(reader: Consumer, place: TopicPartition) -> int:
    """The offset behind the last record. A partition that was just made may have no leader for a moment."""
    give_up = time.monotonic() + STALL_SECONDS
    while True:
        try:
            return int(reader.get_watermark_offsets(place, timeout=30)[1])
        except KafkaException as failure:
            if failure.args[0].code() not in LEADERLESS or time.monotonic() > give_up:
                raise
            time.sleep(LEADER_SECONDS)


class LiveReader:
    """Notes when each award is there, from now on. What can wait until the end does: the cores that it takes are those of
    the services."""

    def __init__(self, brokers: str, topic: str, partitions: int) -> None:
        # What came, and when it was there.
        self.awards: list[tuple[bytes, float]] = []
        self.reader = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": "bench-live",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 500,
                "fetch.min.bytes": 1,
            }
        )
        places = [TopicPartition(topic, number) for number in range(partitions)]
        for place in places:
            place.offset = end(self.reader, place)
        self.reader.assign(places)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        while not self.stopped.is_set():
            message = self.reader.poll(0.1)
            if message is None or message.error() is not None:
                continue
            # Whatever is there with it; each takes a microsecond, a wait for it would take more.
            messages = [message, *self.reader.consume(FETCHED_AT_ONCE, timeout=0)]
            now = time.time()
            self.awards += [(one.value() or b"", now) for one in messages if one.error() is None]

    def close(self) -> None:
        self.stopped.set()
        self.thread.join()
        self.reader.close()

    def arrived(self) -> dict[str, float]:
        """When each purchase's first award was there, by the purchase's time."""
        first: dict[str, float] = {}
        for award, when in self.awards:
            first.setdefault(json.loads(award)["occurredAt"], when)
        return first
