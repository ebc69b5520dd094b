"""What a chain of three exactly-once steps takes that do nothing: the floor that the services stand on, with the same
client library, broker and machine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient, NewTopic

import names

from . import client, latency
from .rig import PARTITIONS, POLL_SECONDS, Setup
from .workload import Workload

SOURCE = Path(__file__).parents[3] / "Tests" / "Benchmarks" / "Floor" / "hop.c"
HOPS = 3
# A stage of the platform writes two, three and five.
OUTPUTS = 3
RATES = (100, 1_000)
WARM_UP = (1_000, 10)
PREFIX = "floor"


class Chain:
    """Empty hops one behind the other, each with a changelog and another topic beside that which the next one reads."""

    partitions = PARTITIONS

    def __init__(self, setup: Setup) -> None:
        self.brokers = setup.run.brokers
        self.program = setup.run.path / "hop"
        self.hops: list[subprocess.Popen[bytes]] = []

    def topic(self, noun: str) -> str:
        """Where purchases go in, and where they come out."""
        return f"{PREFIX}.{HOPS if noun == names.AWARDS else 0}.0"

    def wait(self, done: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        while not done():
            if time.monotonic() > end or any(hop.poll() is not None for hop in self.hops):
                raise client.Stalled("a hop has ended or stands still")
            time.sleep(POLL_SECONDS)

    def __enter__(self) -> Chain:
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", str(SOURCE), "-o", str(self.program), "-lrdkafka"], check=True)
        topics = [f"{PREFIX}.{hop}.{output}" for hop in range(1, HOPS + 1) for output in range(OUTPUTS)]
        administrator = AdminClient({"bootstrap.servers": self.brokers})
        topics.append(self.topic(names.INGRESS))
        for future in administrator.create_topics([NewTopic(name, self.partitions, 1) for name in topics]).values():
            future.result()
        for hop in range(1, HOPS + 1):
            outputs = [f"{PREFIX}.{hop}.{output}" for output in range(OUTPUTS)]
            command = [str(self.program), self.brokers, f"{PREFIX}-{hop}", f"{PREFIX}.{hop - 1}.0", *outputs]
            self.hops.append(subprocess.Popen(command))
        return self

    def __exit__(self, *_: object) -> None:
        for hop in self.hops:
            hop.kill()
            hop.wait()
        client.delete_topics(self.brokers, PREFIX)


def measure(setup: Setup, seconds: int) -> dict[str, Any]:
    """Milliseconds at each rate, from the moment a record is due to a reader of the last topic."""
    with Chain(setup) as chain:
        latency.timed(chain, workload(*WARM_UP), WARM_UP[0])
        return {str(rate): latency.summary(latency.timed(chain, workload(rate, seconds), rate)) for rate in RATES}


def workload(rate: int, seconds: int) -> Workload:
    return Workload(rate * seconds, rate * seconds, latency.WALLETS, datetime.now(timezone.utc), repeats=0)
