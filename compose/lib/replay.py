"""Publishes what lies on `ingress` and `wallet-commands` once more, record for record: the first with kcat, whose
records all have the same header, the second with Kafka's own console producer, because kcat gives all its
records the same headers and commands have each their own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import names
from run_folder import RunFolder

# Longer than any run has records for; what takes longer hangs.
SECONDS = 1_200
READ = ["-C", "-q", "-e", "-o", "beginning", "-X", "isolation.level=read_committed"]
# Between a record's headers: in no header's value.
SEPARATOR = "\x1f"


class Failed(Exception):
    """Something could not be published again, so its replay shows nothing."""


def replay_ingress(run: RunFolder) -> int:
    """Every record on the partition that it lies on. How many there were."""
    topic, count = run.topic(names.INGRESS), 0
    for partition in range(int(run.text("partitions"))):
        place = ["-b", run.brokers, "-t", topic, "-p", str(partition)]
        records = capture(["kcat", *READ, *place, "-f", r"%k\t%s\n"])
        count += records.count(b"\n")
        header = f"ce_source={names.SOURCE}"
        feed(["kcat", "-P", *place, "-K", "\t", "-H", header, "-X", "enable.idempotence=true"], records)
    return count


def replay_commands(run: RunFolder) -> int:
    topic = run.topic(names.COMMANDS)
    lines = []
    for line in capture(["kcat", *READ, "-J", "-b", run.brokers, "-t", topic]).splitlines():
        record = json.loads(line)
        pairs = record["headers"]
        headers = SEPARATOR.join(
            f"{name}:{value}" for name, value in zip(pairs[::2], pairs[1::2], strict=True)
        )
        lines.append("\t".join((headers, record["key"], record["payload"])))
    settings = {
        "parse.key": "true",
        "parse.headers": "true",
        "headers.separator": SEPARATOR,
        "headers.key.separator": ":",
    }
    properties = [part for name, value in settings.items() for part in ("--property", f"{name}={value}")]
    feed(
        [*console_producer(), "--bootstrap-server", run.brokers, "--topic", topic, *properties],
        "".join(f"{line}\n" for line in lines).encode(),
    )
    return len(lines)


def console_producer() -> list[str]:
    tools = Path(os.environ["KAFKA_HOME"]) / "bin"
    script = tools / "kafka-console-producer.sh"
    if script.exists():
        return [str(script)]
    return [str(tools / "kafka-run-class.sh"), "org.apache.kafka.tools.ConsoleProducer"]


def capture(command: list[str]) -> bytes:
    result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS)
    if result.returncode != 0:
        raise Failed(result.stderr.decode(errors="replace")[-500:])
    return result.stdout


def feed(command: list[str], records: bytes) -> None:
    result = subprocess.run(command, input=records, capture_output=True, timeout=SECONDS)
    said = (result.stdout + result.stderr).decode(errors="replace")
    if result.returncode != 0 or "ERROR" in said:
        raise Failed(said[-500:])
