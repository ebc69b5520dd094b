"""The folder of one run: where each process, file and port of it is to be found. Made by quickstart; every
Python piece gets its path as first argument and finds the rest here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import names

TICKS_PER_SECOND, PAGE_BYTES = 100, 4096


class Usage(NamedTuple):
    """Of a process so far."""

    cpu_seconds: float
    megabytes: float
    peak_megabytes: float


class RunFolder:
    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def text(self, name: str) -> str:
        return (self.path / name).read_text().strip()

    @property
    def brokers(self) -> str:
        return self.text("brokers")

    def topic(self, noun: str) -> str:
        return f"{self.text('prefix')}.{noun}.v1"

    def operator_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.text(f'data/{service}/operator.port')}"

    def api_port(self) -> int:
        return int(self.text("data/ingress-gateway/http.port"))

    def receiver_port(self) -> int:
        return int(self.text("receiver/port"))

    def read_json(self, name: str) -> Any:
        return json.loads((self.path / name).read_text())

    def write_json(self, name: str, value: Any) -> None:
        (self.path / name).write_text(json.dumps(value, indent=2) + "\n")

    def ended_processes(self) -> list[str]:
        """Names of processes that were started and are no more, or are others by now."""
        ended = []
        for file in sorted((self.path / "pids").iterdir()):
            noted = file.read_text().split()
            if len(noted) != 2 or birth(noted[0]) != noted[1]:
                ended.append(file.name)
        return ended

    def usage(self, process: str) -> Usage:
        """Processor seconds and resident megabytes, of a service or of the broker."""
        pid = self.text(f"pids/{process}").split()[0]
        status = Path(f"/proc/{pid}/status").read_text()
        peak_kibibytes = next(
            int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")
        )
        return Usage(
            cpu_seconds(pid),
            int(stat_fields(pid)[21]) * PAGE_BYTES / 1e6,
            peak_kibibytes * 1024 / 1e6,
        )


def stat_fields(pid: str) -> list[str]:
    """Fields of /proc/PID/stat from the third on; the second is a name that may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_seconds(pid: str) -> float:
    """So far, of one that has ended and was not waited for, too."""
    fields = stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def birth(pid: str) -> str | None:
    try:
        fields = stat_fields(pid)
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]
