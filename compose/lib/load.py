"""The outside world while the torture goes on: a till that publishes real purchases and repeats itself, customers
who redeem over HTTP and ask again when nobody answers, and a reader of `awards` and `spends` that is not ours.
Each notes what it did; the audit compares the notes with what came out.

A purchase counts as published once its kcat has ended well. One that failed, because the broker was away, is
published again under the same keys, as the contract asks of tills."""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import names
from redeem import Caller
from run_folder import RunFolder

# A wallet needs a history of some length: so many customers of the file, and their purchases over and over.
CUSTOMERS = 3_000
# Lines that one kcat publishes, in seconds of load.
CHUNK_SECONDS = 4
# Of a hundred purchases, so many are published again, on whichever partition.
REPEATED_PERCENT = 2
# Of a hundred redemptions, so many wait for their outcome.
WAITING_PERCENT = 20
# The broker was given up by then.
PUBLISH_SECONDS = 300
READER_PAUSE_SECONDS = 0.5


class Line(NamedTuple):
    number: int
    customer: str
    # The line's bytes as they stand in the file.
    text: bytes


def purchases_of(data: Path, rng: random.Random) -> list[Line]:
    """The purchases of some customers, in an order of the seed's."""
    lines = [
        Line(number, text.split()[0].decode(), text)
        for number, text in enumerate(data.read_bytes().split(b"\n"), 1)
        if number > 1 and text.strip()
    ]
    everybody = sorted({line.customer for line in lines})
    some = set(rng.sample(everybody, min(CUSTOMERS, len(everybody))))
    lines = [line for line in lines if line.customer in some]
    rng.shuffle(lines)
    return lines


class Till:
    def __init__(self, run: RunFolder, data: Path, rate: int, seed: int) -> None:
        self.run = run
        self.name = data.name
        self.rate = rate
        self.rng = random.Random(f"till {seed}")
        self.lines = purchases_of(data, self.rng)
        # What each published key's line was.
        self.published: dict[str, Line] = {}
        self.customers: list[str] = []
        self.retries = 0
        self.problem: str | None = None

    def keyed(self) -> Iterator[tuple[str, Line]]:
        turn = 0
        while True:
            for line in self.lines:
                # The same line a second time is another purchase, so its key must be another.
                yield f"{self.name}:{line.number}" + (f":{turn}" if turn else ""), line
            turn += 1

    def work(self, stop: threading.Event) -> None:
        source = self.keyed()
        due = time.monotonic()
        while not stop.is_set() and self.problem is None:
            chunk = [next(source) for _ in range(self.rate * CHUNK_SECONDS)]
            due = max(due + CHUNK_SECONDS, time.monotonic())
            self.publish(chunk, "murmur2_random", paced=True)
            self.published.update(chunk)
            self.customers += [line.customer for _, line in chunk]
            again = [one for one in chunk if self.rng.randrange(100) < REPEATED_PERCENT]
            self.publish(again, "consistent_random", paced=False)

    def publish(self, chunk: list[tuple[str, Line]], partitioner: str, paced: bool) -> None:
        end = time.monotonic() + PUBLISH_SECONDS
        while not self.attempt(chunk, partitioner, paced):
            self.retries += 1
            paced = False
            if time.monotonic() > end:
                self.problem = f"nothing could be published for {PUBLISH_SECONDS} s"
                return
            time.sleep(READER_PAUSE_SECONDS)

    def attempt(self, chunk: list[tuple[str, Line]], partitioner: str, paced: bool) -> bool:
        command = ["kcat", "-P", "-b", self.run.brokers, "-t", self.run.topic(names.INGRESS), "-K", "\t"]
        command += ["-H", f"ce_source={names.SOURCE}"]
        for setting in (f"partitioner={partitioner}", "enable.idempotence=true", "linger.ms=5"):
            command += ["-X", setting]
        with (self.run.path / "logs" / "till.log").open("ab") as log:
            kcat = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, bufsize=0)
        assert kcat.stdin
        start = time.monotonic()
        try:
            with kcat.stdin:
                for number, (key, line) in enumerate(chunk):
                    if paced:
                        time.sleep(max(0.0, start + number / self.rate - time.monotonic()))
                    kcat.stdin.write(key.encode() + b"\t" + line.text + b"\n")
        except BrokenPipeError:
            # It has given up; its exit code says so too.
            kcat.wait()
            return False
        return kcat.wait() == 0


class Redemption(NamedTuple):
    key: str
    customer: str


class Customers:
    """Ask for rewards, with one key until somebody has answered."""

    def __init__(self, run: RunFolder, till: Till, rate: float, seed: int) -> None:
        self.run = run
        self.till = till
        self.rate = rate
        self.rng = random.Random(f"customers {seed}")
        # By request, the id that it was accepted under.
        self.accepted: dict[Redemption, str] = {}
        self.retries = 0
        self.problem: str | None = None

    def work(self, stop: threading.Event) -> None:
        number = 0
        while not stop.wait(self.rng.uniform(0, 2 / self.rate)):
            if not self.till.customers:
                continue
            number += 1
            request = Redemption(f"torture-{number}", self.rng.choice(self.till.customers))
            if self.rng.randrange(100) < WAITING_PERCENT:
                self.ask(request, "wait=5")
            # Without waiting the answer is the same for a key's first use and for any later one: its id.
            while (answer := self.ask(request, None)) is None or answer[0] >= 500 or answer[0] == 409:
                self.retries += 1
                if stop.wait(READER_PAUSE_SECONDS):
                    break
            if answer is None or answer[0] >= 500 or answer[0] == 409:
                # Nobody knows whether it was taken; it is asked for until that is known.
                answer = self.insist(request)
            if answer is None or answer[0] != 202 or "event" not in answer[1]:
                self.problem = self.problem or f"redemption {request}: {answer}"
                continue
            self.accepted[request] = answer[1]["event"]

    def insist(self, request: Redemption) -> tuple[int, dict[str, Any]] | None:
        end = time.monotonic() + PUBLISH_SECONDS
        answer = self.ask(request, None)
        while (answer is None or answer[0] >= 500 or answer[0] == 409) and time.monotonic() < end:
            time.sleep(READER_PAUSE_SECONDS)
            answer = self.ask(request, None)
        return answer

    def ask(self, request: Redemption, prefer: str | None) -> tuple[int, dict[str, Any]] | None:
        """Status and body; nothing if nobody answered."""
        try:
            caller = Caller(self.run)
        except (OSError, ValueError):
            return None
        headers = caller.credentials | {
            "content-type": "application/json",
            "idempotency-key": request.key,
        }
        if prefer:
            headers["prefer"] = prefer
        body = json.dumps({"externalId": request.customer, "reward": names.REWARD})
        connection = http.client.HTTPConnection("127.0.0.1", caller.port, timeout=15)
        try:
            connection.request("POST", "/v1/reward-issues", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()


class Downstream:
    """Reads a topic as a downstream system would, from its beginning and on and on: committed records only. kcat
    ends when all brokers are gone; it is started again from the beginning then, and what it reads again must
    be what it read before."""

    def __init__(self, run: RunFolder, noun: str) -> None:
        self.run = run
        self.noun = noun
        self.records: dict[tuple[int, int], bytes] = {}
        self.starts = 0
        self.contradictions: list[str] = []
        self.kcat: subprocess.Popen[bytes] | None = None

    def work(self, stop: threading.Event) -> None:
        command = ["kcat", "-C", "-q", "-u", "-b", self.run.brokers, "-t", self.run.topic(self.noun)]
        command += ["-o", "beginning", "-X", "isolation.level=read_committed", "-X", "fetch.wait.max.ms=100"]
        command += ["-f", r"%p\t%o\t%s\n"]
        log = (self.run.path / "logs" / "downstream.log").open("ab")
        with log:
            while not stop.is_set():
                self.starts += 1
                with subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log
                ) as self.kcat:
                    assert self.kcat.stdout
                    for line in self.kcat.stdout:
                        self.take(line)
                stop.wait(READER_PAUSE_SECONDS)

    def take(self, line: bytes) -> None:
        # A line that was cut short when kcat ended is read again, whole.
        if not line.endswith(b"\n"):
            return
        partition, offset, value = line[:-1].split(b"\t", 2)
        place = (int(partition), int(offset))
        if self.records.setdefault(place, value) != value:
            self.contradictions.append(f"{self.noun} {place}: read twice, and not the same")

    def end(self) -> None:
        if self.kcat is not None:
            self.kcat.terminate()
