"""The load of the latency figures and its reader, on Kafka's own client: `Tests/Benchmarks/Load/Load.java`, one process
for all runs against a platform, so that its compiler has done its work before the first counts."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol

import names

from .awards import delays
from .client import Stalled
from .workload import SOURCE, Workload

PROGRAM = Path(__file__).parents[3] / "Tests" / "Benchmarks" / "Load" / "Load.java"
# Room for twice what 150,000 purchases allocate, so that nothing is collected while times are taken (the load itself
# refuses a run in which something was: such a pause is 400 ms of everybody's tail), and all of it at hand before the
# first. The first compiler alone, because the second would take a core for a minute.
JVM = ["-Xms2500m", "-Xmx2500m", "-Xmn2g", "-XX:SurvivorRatio=62", "-XX:+AlwaysPreTouch"]
JVM += ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
# The load itself gives up after a minute in which nothing comes.
PATIENCE_SECONDS = 600
END_SECONDS = 10


class Pipeline(Protocol):
    """Whatever purchases go into, and come out of."""

    @property
    def brokers(self) -> str: ...

    def topic(self, noun: str) -> str: ...

    def wait(self, done: Callable[[], bool], seconds: float) -> None: ...


def java() -> str:
    """The one that Kafka's scripts run."""
    home = os.environ.get("JAVA_HOME")
    return f"{home}/bin/java" if home else "java"


class Times(NamedTuple):
    # Of each purchase, from when it was due.
    seconds: list[float]
    # Of the processor, a purchase, that the load took and its reader.
    load_microseconds: float


class Load:
    def __init__(self, pipeline: Pipeline, folder: Path) -> None:
        """Puts its files into the folder."""
        self.pipeline = pipeline
        self.folder = folder
        self.lines: queue.SimpleQueue[str] = queue.SimpleQueue()

    def __enter__(self) -> Load:
        command = [java(), *JVM, "-cp", f"{os.environ['KAFKA_HOME']}/libs/*", str(PROGRAM)]
        self.process = subprocess.Popen(
            [*command, self.pipeline.brokers, SOURCE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._read, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait(END_SECONDS)

    def _read(self) -> None:
        for line in self.process.stdout or ():
            self.lines.put(line)
        self.lines.put("")

    def run(self, workload: Workload, per_second: int, linger_ms: int) -> Times:
        """Publishes at a steady rate, and waits until every purchase has its award."""
        sent, came = self.folder / "purchases", self.folder / "arrivals"
        with sent.open("wb") as file:
            file.writelines(b"%s\t%s\n" % (one.key.encode(), one.body) for one in workload)
        topics = self.pipeline.topic(names.INGRESS), self.pipeline.topic(names.AWARDS)
        self._tell("\t".join([*topics, str(per_second), str(linger_ms), str(sent), str(came)]))
        begun, spent = int(self._answer("begun")), int(self._answer("ended"))
        with came.open("rb") as file:
            seconds = delays(workload, begun, per_second, file)
        return Times(seconds, spent / workload.purchases)

    def _tell(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def _answer(self, word: str) -> str:
        """What stands behind this word, which is the next to come."""
        self.pipeline.wait(lambda: not self.lines.empty(), PATIENCE_SECONDS)
        found, _, value = self.lines.get().strip().partition(" ")
        if found != word:
            raise Stalled(f"the load has ended, for the reason above: it says {found!r} instead of {word!r}")
        return value
