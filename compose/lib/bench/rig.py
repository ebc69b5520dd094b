"""One platform to measure: topics of its own on the broker, five real executables with fresh folders, and what they and
the broker have used. Starts and ends them; measures nothing but processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

import metrics
import names
from fleet import STOP_SECONDS, Instance
from run_folder import RunFolder, Usage, cpu_seconds

from . import client
from .workload import CONFIGURATION

PARTITIONS = 8
READY_SECONDS = 120
# Metrics are asked for so often while a run is waited for.
POLL_SECONDS = 0.2
ENDED_POLL_SECONDS = 0.01
STALL_SECONDS = 60


class Setup(NamedTuple):
    """What all platforms of a benchmark share."""

    run: RunFolder
    bin: str
    # Of every service, or of one that is named before a colon.
    settings: dict[str, str] = {}


class Rig:
    """Between its start and its end the platform runs, as far as it was asked to."""

    count = 0

    def __init__(self, setup: Setup, partitions: int = PARTITIONS) -> None:
        Rig.count += 1
        self.setup = setup
        self.partitions = partitions
        path = setup.run.path / "rigs" / str(Rig.count)
        for folder in ("data", "logs", "config"):
            (path / folder).mkdir(parents=True)
        # What still runs when the command ends is ended by what stands in there.
        (path / "pids").symlink_to(setup.run.path / "pids")
        (path / "brokers").write_text(setup.run.brokers)
        (path / "prefix").write_text(f"bench-{Rig.count}")
        (path / "partitions").write_text(str(partitions))
        self.run = RunFolder(str(path))
        self.instances: dict[str, Instance] = {}

    def __enter__(self) -> Rig:
        self.operator("topics", "--partitions", str(self.partitions))
        self.configure(CONFIGURATION)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for instance in self.instances.values():
            instance.kill()
            instance.forget()
        if error is None:
            # A whole benchmark would not find room.
            shutil.rmtree(self.run.path / "data")
            client.delete_topics(self.setup.run, self.run.text("prefix"))

    @property
    def brokers(self) -> str:
        return self.run.brokers

    def topic(self, noun: str) -> str:
        return self.run.topic(noun)

    def operator(self, command: str, *arguments: str) -> None:
        subprocess.run(
            [f"{self.setup.bin}/pointstream", command, *arguments, "--brokers", self.brokers]
            + ["--prefix", self.run.text("prefix")],
            check=True,
            capture_output=True,
        )

    def configure(self, documents: list[dict[str, Any]]) -> None:
        files = []
        for document in documents:
            file = self.run.path / "config" / f"{document['kind']}-{document['id']}.json"
            file.write_text(json.dumps(document))
            files.append(str(file))
        self.operator("apply", *files)

    # Services

    def start(self, *services: str) -> None:
        """Starts an instance of each service, or of those named."""
        for service in services or names.SERVICES:
            instance = Instance(self.run, self.setup.bin, service, 1, has_disk=False)
            instance.environment |= self.settings(service)
            self.instances[service] = instance
            instance.start()

    def settings(self, service: str) -> dict[str, str]:
        found = {}
        for key, value in self.setup.settings.items():
            whose, _, name = key.rpartition(":")
            if whose in ("", service):
                found[name] = value
        return found

    def stop(self, *services: str) -> dict[str, float]:
        """In order, all services or those named, which write what they hold to their stores before they end.

        Returns the processor seconds that each took to its very end.
        """
        ending = {name: self.instances.pop(name) for name in services or [*self.instances]}
        for name, instance in ending.items():
            if not instance.is_alive:
                raise RuntimeError(f"{name} has ended: see {self.run.path}/logs/{name}.log")
            instance.signal(signal.SIGTERM)
        return {name: self._ended(name, instance) for name, instance in ending.items()}

    def _ended(self, name: str, instance: Instance) -> float:
        end = time.monotonic() + STOP_SECONDS
        # Its times stand in the system's table until it is waited for.
        while os.waitid(os.P_PID, instance.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            if time.monotonic() > end:
                raise RuntimeError(f"{name} does not end: see {self.run.path}/logs/{name}.log")
            time.sleep(ENDED_POLL_SECONDS)
        spent = cpu_seconds(str(instance.pid))
        if instance.exit_code != 0:
            raise RuntimeError(f"{name} ended with {instance.exit_code}: see {self.run.path}/logs/{name}.log")
        return spent

    def wait_ready(self, *services: str) -> None:
        self.wait(
            lambda: all(self.instances[name].is_ready for name in services or self.instances), READY_SECONDS
        )

    def wait(
        self, done: Callable[[], bool], seconds: float = STALL_SECONDS, poll: float = POLL_SECONDS
    ) -> None:
        """Until `done()` says so; a service that ended, or silence for so long, ends the run."""
        end = time.monotonic() + seconds
        while not done():
            for name, instance in self.instances.items():
                if not instance.is_alive:
                    raise RuntimeError(f"{name} has ended: see {self.run.path}/logs/{name}.log")
            if time.monotonic() > end:
                raise RuntimeError(f"still waiting after {seconds} s: see {self.run.path}/logs")
            time.sleep(poll)

    def wait_for_records(self, service: str, count: int, poll: float = POLL_SECONDS) -> None:
        """Until a service has processed so many records; standing still for a minute ends the run."""
        instance = self.instances[service]
        seen, moved = -1, time.monotonic()
        while True:
            now = instance.metric(names.RECORDS_PROCESSED)
            if now >= count:
                return
            if now != seen:
                seen, moved = now, time.monotonic()
            if time.monotonic() - moved > STALL_SECONDS or not instance.is_alive:
                raise RuntimeError(f"{service} stands at {now} of {count}: see {self.run.path}/logs")
            time.sleep(poll)

    def series(self, service: str) -> metrics.Series:
        answer = self.instances[service].ask("/metrics")
        return metrics.parse(answer[1]) if answer else {}

    def all_series(self) -> dict[str, metrics.Series]:
        """Of every running service."""
        return {name: self.series(name) for name in self.instances}

    def usage(self) -> dict[str, Usage]:
        """Of every running service, and of the broker as a sixth."""
        alive = [name for name, instance in self.instances.items() if instance.is_alive]
        return {name: self.run.usage(name) for name in [*alive, "broker"]}
