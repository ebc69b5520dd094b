"""What a chain of three exactly-once steps takes that do nothing, in time and in processor: the floor that the services
stand on, with the same client library, broker and machine."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

import names
from run_folder import cpu_seconds

from . import client, latency
from .awards import Inexact
from .load import Load
from .rig import PARTITIONS, POLL_SECONDS, Setup
from .workload import Workload

ROOT = Path(__file__).parents[3]
# The services' clock, so that the library spins for nobody.
CLOCK = ROOT / "Shared" / "Native" / "CKafkaClock"
SOURCES = (ROOT / "Tests" / "Benchmarks" / "Floor" / "hop.c", CLOCK / "clock.c")
HOPS = 3
RATES = (100, 1_000, 5_000)
WARM_UP = (1_000, 10)
# Standing still for so long ends a run.
CHAIN_SECONDS = 300


class Shape(NamedTuple):
    """What a chain's hops are like."""

    partitions: int = PARTITIONS
    # Topics that a hop writes. For a purchase a stage of the platform writes two, three and three, the changelog among
    # them.
    outputs: int = 3
    # Milliseconds between two batches at most; less while they take little.
    interval: int = 0
    # From a batch's first record to its end, as in the services. Without this wait the load does not wait either.
    linger: int = 2


PLATFORM = Shape()
# The least that a step can be, with the services' wait for company and without; then the platform's partitions and
# topics, with batches that follow at once and with the intervals that it keeps at 1,000 records a second.
SHAPES = {
    "1 partition, 1 topic": Shape(partitions=1, outputs=1),
    "1 partition, 1 topic, at once": Shape(partitions=1, outputs=1, linger=0),
    "8 partitions, 3 topics": PLATFORM,
    "8, 3, with intervals": Shape(interval=50),
}
# A broker that has just been started takes some seconds to have a coordinator; a question may be lost meanwhile.
JOIN_SECONDS = 60
ASK_SECONDS = 2


class Chain:
    """Empty hops one behind the other, each with a changelog and another topic beside that which the next one reads."""

    count = 0

    def __init__(self, setup: Setup, records: int = 0, shape: Shape = PLATFORM) -> None:
        """Each hop ends when it has copied so many records; 0: with the chain."""
        # A topic that is made anew with more partitions has those of before for a while, and so has its group.
        Chain.count += 1
        self.prefix = f"floor-{Chain.count}"
        self.records = records
        self.shape = shape
        self.run = setup.run
        self.brokers = setup.run.brokers
        self.program = setup.run.path / "hop"
        self.hops: list[subprocess.Popen[bytes]] = []

    def topic(self, noun: str) -> str:
        """Where purchases go in, and where they come out."""
        return f"{self.prefix}.{HOPS if noun == names.AWARDS else 0}.0"

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end or any(hop.poll() is not None for hop in self.hops):
                raise client.Stalled("a hop has ended or stands still")
            time.sleep(POLL_SECONDS)

    def __enter__(self) -> Chain:
        options = ["-O2", "-Wall", "-Wextra", f"-I{CLOCK / 'include'}", "-o", str(self.program)]
        subprocess.run(["cc", *options, *map(str, SOURCES), "-lrdkafka"], check=True)
        topics = [f"{self.prefix}.{hop}.{output}" for hop in range(1, HOPS + 1) for output in range(self.shape.outputs)]
        administrator = AdminClient({"bootstrap.servers": self.brokers})
        topics.append(self.topic(names.INGRESS))
        made = administrator.create_topics([NewTopic(name, self.shape.partitions, 1) for name in topics])
        for future in made.values():
            future.result()
        if not self.records:
            self.start()
            try:
                self.wait(lambda: self.joined(administrator), JOIN_SECONDS)
            except BaseException:
                # Nobody leaves what was not entered.
                self.end()
                raise
        return self

    def start(self) -> None:
        for hop in range(1, HOPS + 1):
            outputs = [f"{self.prefix}.{hop}.{output}" for output in range(self.shape.outputs)]
            command = [str(self.program), self.brokers, f"{self.prefix}-{hop}", f"{self.prefix}-{hop}-member"]
            command += [str(self.records), str(self.shape.interval), str(self.shape.linger)]
            command += [f"{self.prefix}.{hop - 1}.0", *outputs]
            self.hops.append(subprocess.Popen(command))

    def joined(self, administrator: AdminClient) -> bool:
        """Whether every process has its share of the partitions."""
        groups = [f"{self.prefix}-{hop}" for hop in range(1, HOPS + 1)]
        found = administrator.describe_consumer_groups(groups, request_timeout=ASK_SECONDS)
        try:
            shares = [
                [len(member.assignment.topic_partitions) for member in group.result().members]
                for group in found.values()
            ]
        except KafkaException:
            return False
        return all(share == [self.shape.partitions] for share in shares)

    def cpu_seconds(self) -> tuple[float, float]:
        """Of the running hops so far, and of the broker."""
        return sum(cpu_seconds(str(hop.pid)) for hop in self.hops), self.run.usage("broker").cpu_seconds

    def end(self) -> None:
        for hop in self.hops:
            hop.kill()
            hop.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if error is None:
            client.delete_topics(self.run, self.prefix)


def throughput(setup: Setup, purchases: int) -> dict[str, Any]:
    """Records a second with all of them waiting, and the processor's microseconds that each takes in the hops and in
    the broker."""
    with Chain(setup, purchases) as chain:
        load = Workload(1, purchases, latency.WALLETS, datetime.now(timezone.utc), repeats=0)
        client.publish(chain.brokers, chain.topic(names.INGRESS), load)
        broker = setup.run.usage("broker").cpu_seconds
        before = os.times()
        chain.start()
        for hop in chain.hops:
            try:
                hop.wait(CHAIN_SECONDS)
            except subprocess.TimeoutExpired as late:
                raise client.Stalled("a hop stands still") from late
            if hop.returncode != 0:
                raise client.Stalled("a hop has failed")
        after = os.times()
        spent = after.children_user + after.children_system - before.children_user - before.children_system
        broker = setup.run.usage("broker").cpu_seconds - broker
        times: list[float] = []
        last = chain.topic(names.AWARDS)
        client.whole(
            chain.brokers, last, PARTITIONS, lambda message: times.append(message.timestamp()[1] / 1_000)
        )
        if len(times) != purchases:
            raise client.Stalled(f"{last} has {len(times)} records of {purchases}")
        return {"perSecond": round(purchases / (max(times) - min(times)))} | costs(purchases, spent, broker)


def costs(purchases: int, hops: float, broker: float) -> dict[str, float]:
    """Of seconds of processor."""
    return {
        "hopMicroseconds": round(hops / HOPS / purchases * 1e6, 1),
        "brokerMicroseconds": round(broker / purchases * 1e6, 1),
        "cpuMicroseconds": round((hops + broker) / purchases * 1e6, 1),
    }


def measure(setup: Setup, seconds: int) -> dict[str, Any]:
    """At each rate milliseconds from the moment a record is due to a reader of the last topic, and the processor's
    microseconds that each takes in a hop and in the broker, the outside client's share of the broker among them."""
    found: dict[str, Any] = {}
    for name, shape in SHAPES.items():
        with Chain(setup, shape=shape) as chain:
            records = 0
            with Load(chain, setup.run.path) as load:
                for rate, length in (WARM_UP, *((rate, seconds) for rate in RATES)):
                    workload = latency.steady(rate * length, rate, length)
                    before = chain.cpu_seconds()
                    times = load.run(workload, rate, latency.linger_ms(rate) if shape.linger else 0)
                    records += workload.purchases
                    if (rate, length) == WARM_UP:
                        continue
                    spent = [late - early for late, early in zip(chain.cpu_seconds(), before, strict=True)]
                    found[f"{name}: {rate}/s"] = latency.summary(times.seconds) | costs(workload.purchases, *spent)
            last = chain.topic(names.AWARDS)
            copied = client.whole(chain.brokers, last, shape.partitions, lambda _: None)
            if copied != records:
                raise Inexact(f"{last} has {copied} records of {records}")
    return found
