"""Reads topics with kcat, as any outside system would: committed records only, from the beginning to the
end."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

from run_folder import RunFolder

# A topic that does not end within this time grows, or its broker is gone.
_SECONDS = 120


class Record(NamedTuple):
    partition: int
    offset: int
    milliseconds: int
    key: str
    headers: dict[str, str]
    value: bytes

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.value)
        return body


class Broken(Exception):
    """A topic cannot be read, or holds what no service writes."""


def read(run: RunFolder, noun: str) -> Iterator[Record]:
    """Records in the order of each partition. Values are JSON and therefore hold no line feed."""
    topic = run.topic(noun)
    command = [
        "kcat",
        "-C",
        "-q",
        "-e",
        "-b",
        run.brokers,
        "-t",
        topic,
        "-o",
        "beginning",
        "-X",
        "isolation.level=read_committed",
        "-X",
        "fetch.wait.max.ms=50",
        "-f",
        r"%p\t%o\t%T\t%k\t%h\t%s\n",
    ]
    result = subprocess.run(command, capture_output=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    if result.returncode != 0:
        raise Broken(f"{topic}: {result.stderr.decode(errors='replace').strip()}")
    for line in result.stdout.split(b"\n")[:-1]:
        partition, offset, milliseconds, key, headers, value = line.split(b"\t", 5)
        yield Record(
            int(partition),
            int(offset),
            int(milliseconds),
            key.decode(),
            parse_headers(headers.decode()),
            value,
        )


def parse_headers(text: str) -> dict[str, str]:
    """kcat's `name=value,name=value`. None of the platform's values that are looked at here holds a comma."""
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)
