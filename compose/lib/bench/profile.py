"""Where the time goes in each service under load: perf's samples, folded by what the innermost known function belongs
to. A profile explains figures; it is none."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import Counter
from typing import Any

import names

from . import client
from .exactness import read_awards
from .rig import Rig, Setup
from .workload import Workload

FREQUENCY = 499
SHOWN_SYMBOLS = 12
# With fewer, a percent is a handful of them; perf that may not watch finds none.
LEAST_SAMPLES = 100
# The first that matches a frame of the stack, from the innermost out, says what a sample is. Memory and copying come
# first: they are to be seen, whoever asks for them.
KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "reference counting",
        re.compile(r"swift_(retain|release|bridgeObject|unknownObject|weak|unowned)|_swift_(retain|release)"),
    ),
    (
        "allocation",
        re.compile(
            r"malloc|calloc|realloc|\bfree\b|_int_free|cfree|operator new"
            r"|swift_(alloc|dealloc|slowAlloc|initStackObject)"
        ),
    ),
    ("copying", re.compile(r"mem(cpy|move|set|cmp)")),
    ("kernel", re.compile(r"\[kernel|\[guest")),
    ("SQLite", re.compile(r"^sqlite3|libsqlite3")),
    ("checksums of pages", re.compile(r"PageChecksum")),
    ("librdkafka", re.compile(r"^rd_|^rdk|librdkafka")),
    ("digests", re.compile(r"SHA|sha256|EVP_|libcrypto|TruncatedDigest|murmur")),
    ("JSON", re.compile(r"JSONText|JSONWriter|TapeParser|FieldReader|JSONDocument")),
    ("state store", re.compile(r"StateStore")),
    ("Kafka client's caller", re.compile(r"KafkaLog")),
    ("worker loop", re.compile(r"StreamRuntime")),
    ("messages", re.compile(r"8Messages")),
    ("domain and processor", re.compile(r"IngressGateway|RuleEvaluator|WalletLedger|RewardsIssuer|Notifier")),
    ("Swift's library", re.compile(r"\$sS|libswiftCore|swift_")),
    ("C library", re.compile(r"libc\.so|libpthread")),
)


def measure(setup: Setup, workload: Workload) -> dict[str, Any]:
    """Each service alone, on what the one before it has written, with perf at its side."""
    figures: dict[str, Any] = {}
    with Rig(setup) as rig:
        client.publish(rig.brokers, rig.topic(names.INGRESS), workload.with_repeats())
        for service in names.SERVICES:
            # Purchases ask for no reward: the issuer has nothing to do.
            if service == "rewards-issuer":
                continue
            rig.start(service)
            rig.wait_ready(service)
            data = rig.run.path / f"{service}.perf"
            recorder = record(rig.instances[service].pid, str(data))
            due = workload.published if service == "ingress-gateway" else workload.purchases
            rig.wait_for_records(service, due)
            recorder.send_signal(signal.SIGINT)
            recorder.wait()
            figures[service] = fold(str(data))
            rig.stop(service)
        read_awards(rig).check(workload)
    return figures


def record(pid: int, file: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["perf", "record", "-q", "-F", str(FREQUENCY), "-g", "-p", str(pid), "-o", file],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def fold(file: str) -> dict[str, Any]:
    command = ["perf", "script", "-i", file, "-F", "comm,ip,sym,dso"]
    text = subprocess.run(command, check=True, capture_output=True, text=True, errors="replace").stdout
    kinds: Counter[str] = Counter()
    symbols: Counter[str] = Counter()
    for sample in text.split("\n\n"):
        frames = [line.strip().partition(" ")[2] for line in sample.splitlines()[1:]]
        if frames:
            kinds[kind(frames)] += 1
            symbols[frames[0]] += 1
    total = sum(kinds.values())
    if total < LEAST_SAMPLES:
        raise RuntimeError(f"perf found {total} samples: see kernel.perf_event_paranoid, or take more purchases")
    return {
        "samples": total,
        "percent": {name: round(count * 100 / total, 1) for name, count in kinds.most_common()},
        "symbols": {
            name: round(count * 100 / total, 1) for name, count in symbols.most_common(SHOWN_SYMBOLS)
        },
    }


def kind(frames: list[str]) -> str:
    """Of the innermost frame that tells; what is in a library without names is the library's."""
    for frame in frames:
        for name, pattern in KINDS:
            if pattern.search(frame):
                return name
    return "other"
