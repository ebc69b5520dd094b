"""Measures how long a purchase takes from the till to a reader of `awards`: latency.py RUN writes
RUN/latency.json.

Purchases of customers of their own go in at a modest, steady rate, whatever comes out (an open loop: a slow
answer delays no later purchase). Each is timed from the timestamp that the till's client gave its record: kcat
reads its input in blocks, and what a line waits in there is not the platform's. A kcat that reads committed
records is the other end. The bulk before says nothing about latency: there, a purchase mostly waits for those before
it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from typing import IO

import names
from run_folder import RunFolder

RATE = 100
# The first ones pay for connections and look-ups of the kcat that publishes; they are not counted.
WARM_UP = 50
COUNTED = 300
# The slowest purchase may take this long before it counts as lost.
PATIENCE_SECONDS = 20


def reader(run: RunFolder) -> subprocess.Popen[bytes]:
    # Every end of a partition is told on standard error, which is how the start is known to be over.
    return subprocess.Popen(
        [
            "kcat",
            "-C",
            "-u",
            "-b",
            run.brokers,
            "-t",
            run.topic(names.AWARDS),
            "-o",
            "end",
            "-f",
            r"%s\n",
            "-X",
            "isolation.level=read_committed",
            "-X",
            "fetch.wait.max.ms=10",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def publisher(run: RunFolder) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            "kcat",
            "-P",
            "-b",
            run.brokers,
            "-t",
            run.topic(names.INGRESS),
            "-K",
            "\t",
            "-H",
            f"ce_source={names.SOURCE}",
            "-X",
            "partitioner=murmur2_random",
            "-X",
            "linger.ms=0",
        ],
        stdin=subprocess.PIPE,
    )


def wait_for_ends(stream: IO[bytes], partitions: int) -> None:
    while partitions > 0 and (line := stream.readline()):
        if b"Reached end of topic" in line:
            partitions -= 1
    threading.Thread(target=stream.read, daemon=True).start()


def collect(stream: IO[bytes], arrived: dict[str, float], complete: threading.Event) -> None:
    for line in stream:
        now = time.time()
        customer = json.loads(line).get("externalId", "")
        if customer.startswith(names.PROBE):
            arrived.setdefault(customer, now)
            if len(arrived) == WARM_UP + COUNTED:
                complete.set()


# kcat reads blocks of a kilobyte: lines of this length, blanks at their end, go on in fours instead of dozens.
LINE_BYTES = 256


def send(stream: IO[bytes]) -> None:
    start = time.monotonic() + 0.1
    for number in range(WARM_UP + COUNTED):
        customer = f"{names.PROBE}{number:04}"
        time.sleep(max(0.0, start + number / RATE - time.monotonic()))
        line = f"{customer}\t {customer} 19970101  1   11.77".ljust(LINE_BYTES - 2) + "\r\n"
        stream.write(line.encode())
        stream.flush()
    stream.close()


def sent_times(run: RunFolder) -> dict[str, float]:
    """When the till's client made each record, by its timestamp, in seconds."""
    listing = subprocess.run(
        ["kcat", "-Ceq", "-b", run.brokers, "-t", run.topic(names.INGRESS), "-f", r"%k\t%T\n"],
        check=True,
        capture_output=True,
    ).stdout
    sent = {}
    for line in listing.splitlines():
        key, _, milliseconds = line.decode().partition("\t")
        if key.startswith(names.PROBE):
            sent[key] = int(milliseconds) / 1_000
    return dict(sorted(sent.items()))


def measure(run: RunFolder, partitions: int) -> dict[str, float | int]:
    arrived: dict[str, float] = {}
    complete = threading.Event()
    with reader(run) as consuming, publisher(run) as publishing:
        assert consuming.stdout and consuming.stderr and publishing.stdin
        try:
            wait_for_ends(consuming.stderr, partitions)
            threading.Thread(target=collect, args=(consuming.stdout, arrived, complete), daemon=True).start()
            send(publishing.stdin)
            complete.wait(PATIENCE_SECONDS)
        finally:
            consuming.terminate()
    return summarise(sent_times(run), arrived)


def summarise(sent: dict[str, float], arrived: dict[str, float]) -> dict[str, float | int]:
    counted = list(sent)[WARM_UP:]
    times = sorted((arrived[who] - sent[who]) * 1_000 for who in counted if who in arrived)
    result: dict[str, float | int] = {"rate": RATE, "sent": len(sent), "count": len(times)}
    if len(times) < COUNTED:
        return result
    return result | {"p50Ms": round(percentile(times, 50), 1), "p99Ms": round(percentile(times, 99), 1)}


def percentile(times: list[float], percent: float) -> float:
    """The smallest time that so many percent do not exceed, of sorted times; to a tenth of a percent."""
    return times[max(0, -(-len(times) * round(percent * 10) // 1_000) - 1)]


if __name__ == "__main__":
    run = RunFolder(sys.argv[1])
    result = measure(run, int(sys.argv[2]))
    run.write_json("latency.json", result)
    print(
        f"  p50 {result.get('p50Ms')} ms, p99 {result.get('p99Ms')} ms"
        f" over {result['count']} purchases at {RATE}/s"
    )
