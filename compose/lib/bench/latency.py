"""How long a purchase takes: from the moment it is meant to be sent to the moment a reader of committed awards has
it. The load is open: a slow answer delays no later purchase, and what is sent late counts from when it was due."""

from __future__ import annotations

import http.client
import itertools
import queue
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, Protocol

import names
from latency import percentile

from . import client
from .exactness import Awards, Inexact
from .rig import Rig, Setup
from .workload import SOURCE, Workload

WALLETS = 100_000
# Connections are made, tables are grown, the JVM has compiled: nothing of that is counted.
WARM_UP_SECONDS = 10
# From this rate on, records of one partition wait for each other before they are sent, as long as Kafka's own producers
# have them wait since 4.0; below it, each is sent at once. The wait is part of the time measured.
MANY = 5_000
MANY_LINGER_MS = 5
# Whoever has sent all that was due sleeps for so long at least: one wake-up for several records. What is late by it
# counts as late.
TICK_SECONDS = 0.001
# Waiting requests are sent over so many connections, so that one that waits delays none that is due; the gateway takes
# 256 from one address, 512 together.
CONNECTIONS = 480
CONNECTIONS_PER_ADDRESS = 240
REQUEST_SECONDS = 30
PATIENCE_SECONDS = 60
API_KEY = "bench-key"


class Pipeline(Protocol):
    """Whatever purchases go into, and come out of."""

    @property
    def brokers(self) -> str: ...

    partitions: int

    def topic(self, noun: str) -> str: ...

    def wait(self, done: Callable[[], bool], seconds: float) -> None: ...


def summary(times: list[float]) -> dict[str, float]:
    """Milliseconds."""
    times = sorted(times)
    points = {"p50": 50, "p90": 90, "p99": 99, "p99.9": 99.9}
    figures = {name: round(percentile(times, percent) * 1_000, 1) for name, percent in points.items()}
    return figures | {"max": round(times[-1] * 1_000, 1), "count": len(times)}


def open_loop(setup: Setup, rates: list[int], seconds: int) -> dict[str, Any]:
    """One platform, one rate after the other."""
    figures: dict[str, Any] = {}
    workloads: list[Workload] = []
    with Rig(setup) as rig:
        rig.start()
        rig.wait_ready()
        warm_up = Workload(99, 2_000 * WARM_UP_SECONDS, WALLETS, datetime.now(timezone.utc), repeats=0)
        send(rig, warm_up, 2_000)
        workloads.append(warm_up)
        rig.wait_for_records("wallet-ledger", warm_up.purchases)
        for rate in rates:
            workload = Workload(rate, rate * seconds, WALLETS, datetime.now(timezone.utc), repeats=0)
            workloads.append(workload)
            before = rig.usage()
            times = timed(rig, workload, rate)
            after = rig.usage()
            spent = sum(after[name].cpu_seconds - before[name].cpu_seconds for name in after)
            figures[str(rate)] = summary(times) | {"cpuMicroseconds": round(spent / workload.purchases * 1e6)}
        Awards(rig).check(itertools.chain(*workloads))
    return figures


def timed(rig: Pipeline, workload: Workload, rate: int) -> list[float]:
    """Seconds of each purchase."""
    reader = client.LiveReader(rig.brokers, rig.topic(names.AWARDS), rig.partitions)
    try:
        due = send(rig, workload, rate)
        rig.wait(lambda: len(reader.awards) >= workload.purchases, PATIENCE_SECONDS)
    finally:
        reader.close()
    arrived = reader.arrived()
    if missing := due.keys() - arrived.keys():
        raise Inexact(f"{len(missing)} of {len(due)} purchases have no award, others have two")
    if early := sum(arrived[which] < when for which, when in due.items()):
        raise Inexact(f"{early} awards came before their purchases were due: they are others'")
    return [arrived[which] - when for which, when in due.items()]


def send(rig: Pipeline, workload: Workload, rate: int) -> dict[str, float]:
    """Publishes at a steady rate.

    Returns when each purchase was due, by its time.
    """
    failed: list[str] = []

    def done(error: Any, _: Any) -> None:
        failed.append(str(error))

    writer = client.producer(
        rig.brokers,
        **{
            "linger.ms": 0 if rate < MANY else MANY_LINGER_MS,
            "delivery.report.only.error": True,
            "on_delivery": done,
        },
    )
    topic, headers = rig.topic(names.INGRESS), [("ce_source", SOURCE.encode())]
    ready = list(workload)
    due: dict[str, float] = {}
    # The first record pays for the connections.
    writer.list_topics(topic, timeout=30)
    start = time.time() + 0.2
    for number, purchase in enumerate(ready):
        when = start + number / rate
        if (ahead := when - time.time()) > 0:
            writer.poll(0)
            time.sleep(max(ahead, TICK_SECONDS))
        due[purchase.occurred_at] = when
        writer.produce(topic, purchase.body, purchase.key, headers=headers)
    if writer.flush(PATIENCE_SECONDS) or failed:
        raise client.Stalled(f"{topic}: {failed[:1] or 'not everything was published'}")
    return due


# The waited-for outcome


def waited_for(setup: Setup, rate: int, seconds: int) -> dict[str, float]:
    """`POST /v1/events` with `Prefer: wait`, from the moment a request is due to its answer."""
    with Rig(setup) as rig:
        secret = secrets.token_hex(24)
        rig.configure(
            [{"kind": "apikey", "id": API_KEY, "role": "source", "source": SOURCE, "secret": secret}]
        )
        rig.start()
        rig.wait_ready()
        port = rig.run.api_port()
        workloads = [
            Workload(97, rate * WARM_UP_SECONDS, WALLETS, datetime.now(timezone.utc), repeats=0),
            Workload(98, rate * seconds, WALLETS, datetime.now(timezone.utc), repeats=0),
        ]
        for workload in workloads:
            times = ask(port, secret, workload, rate)
        Awards(rig).check(itertools.chain(*workloads))
    return summary(times)


def ask(port: int, secret: str, workload: Workload, rate: int) -> list[float]:
    """Seconds of each request; all have to be answered with their outcome."""
    waiting: queue.SimpleQueue[tuple[float, str, bytes] | None] = queue.SimpleQueue()
    times: list[float] = []
    answers: Counter[str] = Counter()
    lock = threading.Lock()

    def work(address: str) -> None:
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=REQUEST_SECONDS, source_address=(address, 0)
        )
        while (item := waiting.get()) is not None:
            when, key, body = item
            headers = {
                "x-api-key": API_KEY,
                "x-api-secret": secret,
                "content-type": "application/json",
                "idempotency-key": key,
                "prefer": "wait=10",
            }
            try:
                connection.request("POST", "/v1/events", body, headers)
                answer = connection.getresponse()
                answer.read()
                how = str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                how = type(error).__name__
            now = time.time()
            with lock:
                times.append(now - when)
                answers[how] += 1
        connection.close()

    addresses = [f"127.0.0.{2 + number // CONNECTIONS_PER_ADDRESS}" for number in range(CONNECTIONS)]
    threads = [threading.Thread(target=work, args=(address,), daemon=True) for address in addresses]
    for thread in threads:
        thread.start()
    start = time.time() + 0.2
    for number, purchase in enumerate(list(workload)):
        when = start + number / rate
        if (ahead := when - time.time()) > 0:
            time.sleep(ahead)
        waiting.put((when, purchase.key, purchase.body))
    for _ in threads:
        waiting.put(None)
    for thread in threads:
        thread.join()
    if set(answers) != {"200"}:
        raise Inexact(
            f"of {workload.purchases} requests at {rate}/s not all got their outcome: {dict(answers)}"
        )
    return times
