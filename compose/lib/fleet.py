"""The processes that the torture torments: instances of services, each with a folder, a log and a port file of
its own, and the brokers. Starts, kills, freezes and asks them. Notes each in RUN/pids the way processes.sh
does, so that the command can end whatever is left; knows nothing of why anything is done."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import metrics
import names
from run_folder import RunFolder, birth

# A service promises to end within 4.5 s of SIGTERM; the rest is for a machine that is busy.
STOP_SECONDS = 15
# Kafka hands its partitions over and closes its log.
BROKER_STOP_SECONDS = 60
ASK_SECONDS = 2.0
# Each instance has a disk of its own that can be filled; memory is used only as far as it is written to.
DISK_MEGABYTES = 768


class Program:
    """A process that is started again and again under one name."""

    def __init__(self, run: RunFolder, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.run = run
        self.name = name
        self.command = command
        self.environment = os.environ | environment
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.RLock()

    def start(self) -> None:
        with self.lock, (self.run.path / "logs" / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            born = birth(str(self.process.pid)) or ""
            (self.run.path / "pids" / self.name).write_text(f"{self.process.pid} {born}\n")

    def adopt(self) -> None:
        """Takes over what the command's shell has started: not a child of ours, so its end is looked up."""
        self.process = None

    @property
    def pid(self) -> int:
        return int((self.run.path / "pids" / self.name).read_text().split()[0])

    @property
    def is_alive(self) -> bool:
        with self.lock:
            if self.process is not None:
                return self.process.poll() is None
            file = self.run.path / "pids" / self.name
            noted = file.read_text().split() if file.exists() else []
            return len(noted) == 2 and birth(noted[0]) == noted[1]

    @property
    def exit_code(self) -> int | None:
        return self.process.poll() if self.process is not None else None

    def signal(self, number: int) -> None:
        with self.lock:
            if self.is_alive:
                os.killpg(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait(STOP_SECONDS)

    def wait(self, seconds: float) -> bool:
        """Whether it ended in that time."""
        end = time.monotonic() + seconds
        while self.is_alive:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def forget(self) -> None:
        (self.run.path / "pids" / self.name).unlink(missing_ok=True)


class Instance(Program):
    """One process of a service, and its folder."""

    def __init__(self, run: RunFolder, bin_folder: str, service: str, number: int, has_disk: bool) -> None:
        name = service if number == 1 else f"{service}-{number}"
        self.service = service
        self.folder = run.path / "data" / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.has_disk = has_disk
        if has_disk:
            size = f"size={DISK_MEGABYTES}m"
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder)], check=True)
        environment = {
            "POINTSTREAM_BROKERS": run.brokers,
            "POINTSTREAM_PREFIX": run.text("prefix"),
            "POINTSTREAM_PARTITIONS": run.text("partitions"),
            "POINTSTREAM_DATA": str(self.folder),
            "POINTSTREAM_OPERATOR_PORT": "0",
            "POINTSTREAM_HTTP_PORT": "0",
        }
        super().__init__(run, name, [f"{bin_folder}/{service}"], environment)

    def start(self) -> None:
        # The ports of the process before would lead nowhere, or to somebody else.
        for port in ("operator.port", "http.port"):
            (self.folder / port).unlink(missing_ok=True)
        super().start()

    def port(self, file: str = "operator.port") -> int | None:
        try:
            return int((self.folder / file).read_text())
        except (OSError, ValueError):
            return None

    def ask(self, path: str) -> tuple[int, str] | None:
        """Status and text; nothing if nobody answers."""
        port = self.port()
        if port is None:
            return None
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ASK_SECONDS)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    @property
    def is_ready(self) -> bool:
        answer = self.ask("/readyz")
        return answer is not None and answer[0] == 200

    def metric(self, name: str, **labels: str) -> int:
        answer = self.ask("/metrics")
        return int(metrics.total(metrics.parse(answer[1]), name, **labels)) if answer else 0

    @property
    def stores(self) -> list[Path]:
        return sorted(self.folder.glob("*.sqlite"))

    def fill_disk(self) -> None:
        """Takes all the room there is, to the last page."""
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            taken = 0
            for size in (64 << 20, 1 << 20, 4096):
                try:
                    while True:
                        os.posix_fallocate(filler.fileno(), taken, size)
                        taken += size
                except OSError:
                    continue

    def free_disk(self) -> None:
        (self.folder / "filler").unlink(missing_ok=True)


class Broker(Program):
    """A broker on its folder; started first by broker.sh."""

    def __init__(self, run: RunFolder, name: str) -> None:
        folder = run.path / name
        script = f"{os.environ['KAFKA_HOME']}/bin/kafka-server-start.sh"
        super().__init__(
            run, name, [script, str(folder / "server.properties")], {"LOG_DIR": str(folder / "logs")}
        )
        settings = (folder / "server.properties").read_text().splitlines()
        self.number = int(next(line for line in settings if line.startswith("node.id=")).split("=")[1])

    def stop(self) -> None:
        self.signal(signal.SIGTERM)
        if not self.wait(BROKER_STOP_SECONDS):
            self.kill()


class Fleet:
    def __init__(self, run: RunFolder, bin_folder: str, has_disks: bool) -> None:
        self.run = run
        self.first = [Instance(run, bin_folder, service, 1, has_disks) for service in names.SERVICES]
        self.second = [Instance(run, bin_folder, service, 2, has_disks) for service in names.SERVICES]
        self.brokers = [Broker(run, file.name) for file in sorted((run.path / "pids").glob("broker*"))]

    @property
    def instances(self) -> list[Instance]:
        return self.first + self.second

    def twin(self, instance: Instance) -> Instance:
        return next(
            one for one in self.instances if one.service == instance.service and one is not instance
        )


def copy_stores(source: Path, target: Path) -> None:
    """The stores of a process that is down, with what SQLite has beside them."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for file in source.glob("*.sqlite*"):
        shutil.copyfile(file, target / file.name)
