"""How long a purchase takes: from the moment it is meant to be sent to the moment a reader of committed awards has
it. The load is open: a slow answer delays no later purchase, and what is sent late counts from when it was due."""

from __future__ import annotations

import itertools
from datetime import datetime, timezone
from typing import Any

from latency import percentile

from .exactness import read_awards
from .load import Load
from .rig import Rig, Setup
from .workload import Workload

WALLETS = 100_000
# Connections are made, tables are grown, the JVM has compiled: nothing of that is counted.
WARM_UP_PER_SECOND = 2_000
WARM_UP_SECONDS = 10
# From this rate on, records wait for company before they are sent, as long as Kafka's own producers have them wait
# by default; below it there is none in that time. The wait is part of the time measured.
MANY = 1_000
MANY_LINGER_MS = 5


def summary(times: list[float]) -> dict[str, float]:
    """Milliseconds."""
    times = sorted(times)
    points = {"p50": 50, "p90": 90, "p99": 99, "p99.9": 99.9}
    figures = {name: round(percentile(times, percent) * 1_000, 1) for name, percent in points.items()}
    return figures | {"max": round(times[-1] * 1_000, 1), "count": len(times)}


def open_loop(setup: Setup, rates: list[int], seconds: int) -> dict[str, Any]:
    """One platform, one rate after the other."""
    figures: dict[str, Any] = {}
    with Rig(setup) as rig:
        rig.start()
        rig.wait_ready()
        with Load(rig, rig.run.path) as load:
            warm_up = steady(99, WARM_UP_PER_SECOND, WARM_UP_SECONDS)
            load.run(warm_up, WARM_UP_PER_SECOND, linger_ms(WARM_UP_PER_SECOND))
            workloads = [warm_up]
            for rate in rates:
                workload = steady(rate, rate, seconds)
                workloads.append(workload)
                before = rig.usage()
                times = load.run(workload, rate, linger_ms(rate))
                after = rig.usage()
                spent = sum(after[name].cpu_seconds - before[name].cpu_seconds for name in after)
                figures[str(rate)] = summary(times.seconds) | {
                    "cpuMicroseconds": round(spent / workload.purchases * 1e6),
                    "loadMicroseconds": round(times.load_microseconds),
                }
        read_awards(rig).check(itertools.chain(*workloads))
    return figures


def steady(seed: int, rate: int, seconds: int) -> Workload:
    return Workload(seed, rate * seconds, WALLETS, datetime.now(timezone.utc), repeats=0)


def linger_ms(rate: int) -> int:
    return 0 if rate < MANY else MANY_LINGER_MS
