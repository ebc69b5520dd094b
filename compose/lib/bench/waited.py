"""How long a caller waits for the outcome of a purchase: `POST /v1/events` with `Prefer: wait`, from the moment a
request is due to its answer. The load is open: a request is sent over whichever connection is free, and counts from
when it was due if none is. One thread: many of them would take the services' cores to wait for each other."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import secrets
import time
from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, NamedTuple

import names
from confluent_kafka import Message

from . import client
from .awards import Inexact, check_answers
from .exactness import read_awards
from .latency import WARM_UP_SECONDS, steady, summary
from .rig import Rig, Setup
from .workload import API_KEY, SOURCE, Purchase

# One that waits delays none that is due; the gateway takes 256 from one address, 512 together.
CONNECTIONS = 480
CONNECTIONS_PER_ADDRESS = 240
REQUEST_SECONDS = 30
# What a caller asks the gateway to wait, well above any outcome that is counted.
WAIT_SECONDS = 10
# Before the first request is due.
HEAD_START_SECONDS = 0.2
# Whoever has sent all that was due sleeps for so long at least: one wake-up for several requests. Late counts as late.
TICK_SECONDS = 0.001
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Call(NamedTuple):
    number: int
    due: float
    request: bytes


class Calls:
    """Requests that are due, in their order, and the connections that are free."""

    def __init__(self, count: int) -> None:
        self.waiting: deque[Call] = deque()
        self.free: list[Connection] = []
        self.left = count
        self.seconds: list[float] = []
        self.answers: Counter[str] = Counter()
        # What each call was answered, by its number.
        self.bodies = [b""] * count
        self.ended = asyncio.get_running_loop().create_future()

    def add(self, call: Call) -> None:
        self.waiting.append(call)
        self.send()

    def send(self) -> None:
        while self.waiting and self.free:
            self.free.pop().send(self.waiting.popleft())

    def done(self, call: Call, answer: str, body: bytes = b"") -> None:
        self.seconds.append(time.time() - call.due)
        self.answers[answer] += 1
        self.bodies[call.number] = body
        self.left -= 1
        if self.left == 0:
            self.ended.set_result(None)


class Connection(asyncio.Protocol):
    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.answer = b""
        self.call: Call | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.calls.free.append(self)

    def send(self, call: Call) -> None:
        self.call = call
        self.transport.write(call.request)

    def data_received(self, data: bytes) -> None:
        self.answer += data
        head, found, body = self.answer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        if not found or self.call is None or len(body) < int(length.group(1) if length else 0):
            return
        self.calls.done(self.call, head[9:12].decode(), body)
        self.answer, self.call = b"", None
        self.calls.free.append(self)
        self.calls.send()

    def connection_lost(self, error: Exception | None) -> None:
        if self.call is not None:
            self.calls.done(self.call, f"connection lost: {error}")
        elif self in self.calls.free:
            self.calls.free.remove(self)


def measure(setup: Setup, rate: int, seconds: int) -> dict[str, float]:
    with Rig(setup) as rig:
        secret = secrets.token_hex(24)
        rig.configure(
            [{"kind": "apikey", "id": API_KEY, "role": "source", "source": SOURCE, "secret": secret}]
        )
        rig.start()
        rig.wait_ready()
        port = rig.run.api_port()
        workloads = [
            steady(97, rate, WARM_UP_SECONDS),
            steady(98, rate, seconds),
        ]
        answered: list[tuple[Purchase, bytes]] = []
        for workload in workloads:
            before = time.process_time()
            times, bodies = asyncio.run(ask(port, requests(port, secret, workload), rate))
            spent = time.process_time() - before
            answered += zip(workload, bodies, strict=True)
        read_awards(rig).check(itertools.chain(*workloads))
        check_answers(answered, published_awards(rig))
    return summary(times) | {"loadMicroseconds": round(spent / workload.purchases * 1e6)}


def requests(port: int, secret: str, workload: Iterable[Purchase]) -> list[bytes]:
    head = (
        f"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nx-api-key: {API_KEY}\r\nx-api-secret: {secret}\r\n"
        f"content-type: application/json\r\nprefer: wait={WAIT_SECONDS}\r\n"
    )
    return [
        f"{head}idempotency-key: {one.key}\r\ncontent-length: {len(one.body)}\r\n\r\n".encode() + one.body
        for one in workload
    ]


def published_awards(rig: Rig) -> dict[str, Any]:
    """By event."""
    found: dict[str, Any] = {}

    def take(message: Message) -> None:
        body = json.loads(message.value() or b"")
        found[body["event"]] = body

    client.whole(rig.brokers, rig.topic(names.AWARDS), rig.partitions, take)
    return found


async def ask(port: int, posts: list[bytes], rate: int) -> tuple[list[float], list[bytes]]:
    """Seconds of each request, and the bodies of the answers; all have to be answered with their outcome."""
    calls = Calls(len(posts))
    loop = asyncio.get_running_loop()
    for number in range(CONNECTIONS):
        address = f"127.0.0.{2 + number // CONNECTIONS_PER_ADDRESS}"
        await loop.create_connection(lambda: Connection(calls), "127.0.0.1", port, local_addr=(address, 0))
    connections = list(calls.free)
    start = time.time() + HEAD_START_SECONDS
    for number, post in enumerate(posts):
        due = start + number / rate
        if (ahead := due - time.time()) > 0:
            await asyncio.sleep(max(ahead, TICK_SECONDS))
        calls.add(Call(number, due, post))
    try:
        await asyncio.wait_for(calls.ended, REQUEST_SECONDS)
    except TimeoutError as late:
        raise Inexact(f"{calls.left} of {len(posts)} requests were not answered") from late
    for connection in connections:
        connection.transport.close()
    if set(calls.answers) != {"200"}:
        raise Inexact(f"of {len(posts)} requests at {rate}/s not all got their outcome: {dict(calls.answers)}")
    return calls.seconds, calls.bodies
