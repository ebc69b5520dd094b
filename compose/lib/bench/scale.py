"""How cost grows: with workers, with wallets, with history; and how long a service takes to be back."""

from __future__ import annotations

import statistics
import time
from datetime import datetime, timezone
from typing import Any

import names

from . import client
from .awards import Inexact
from .exactness import read_awards
from .rig import Rig, Setup
from .throughput import chain
from .workload import Workload

WORKERS = (1, 2, 4)
WALLETS = (1_000, 10_000, 100_000, 1_000_000)
KILLS = 5
# Published once all has been killed and restored: stores that lack anything show in what these are awarded.
AFTERWARDS = 100_000
# Before a history is begun, so that the broker has compiled what it needs.
WARM_UP = 300_000
# A million wallets are restored in this time, or nobody waits for them.
RECOVERY_SECONDS = 600
SHOWN = ("perSecond", "perSecondFromStart", "cpuMicroseconds", "wallets", "perSecondEarly", "perSecondLate")


def workload(seed: int, purchases: int, wallets: int) -> Workload:
    return Workload(seed, purchases, wallets, datetime.now(timezone.utc))


def workers(setup: Setup, purchases: int) -> dict[str, Any]:
    """The whole chain with 1, 2 and 4 workers in each process."""
    found = {}
    for count in WORKERS:
        settings = setup.settings | {"POINTSTREAM_WORKERS": str(count)}
        found[f"{count} workers"] = short(
            chain(setup._replace(settings=settings), workload(20, purchases, 100_000))
        )
    return found


def wallets(setup: Setup, purchases: int) -> dict[str, Any]:
    """The whole chain over more and more wallets; with as many wallets as purchases or more, some have none, and it is
    said how many have."""
    found = {count: chain(setup, workload(30, purchases, count)) for count in WALLETS}
    return {f"{count} wallets": short(one) | memory(one) for count, one in found.items()}


def history(setup: Setup, purchases: int) -> dict[str, Any]:
    """The whole chain that goes on and on: what it does early (the second hundred thousand awards, the first open the
    wallets) and late (the last), and the memory that it takes."""
    chain(setup, workload(39, min(WARM_UP, purchases), 100_000))
    found = chain(setup, workload(40, purchases, 100_000))
    late = {"lateToEarly": round(found["perSecondLate"] / found["perSecondEarly"], 2)}
    return short(found) | late | memory(found)


def memory(found: dict[str, Any]) -> dict[str, Any]:
    return {f"MB {name}": one["megabytes"] for name, one in found["services"].items()}


def short(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in SHOWN if name in found}


def recovery(setup: Setup, count: int) -> dict[str, Any]:
    """Seconds from a kill to ready with the stores there, while nothing is on its way, and from nothing with the stores
    gone; and peak memory, with so many wallets."""
    with Rig(setup) as rig:
        load = Workload(50, count, count, datetime.now(timezone.utc), covering=True)
        client.publish(rig.brokers, rig.topic(names.INGRESS), load.with_repeats())
        rig.start()
        rig.wait_for_records("wallet-ledger", count)
        rig.wait_for_records("notifier", count)
        found = read_awards(rig).check(load)
        if len(found.points) != count:
            raise Inexact(f"{len(found.points)} wallets instead of {count}")
        figures = {name: recovered(rig, name) for name in names.SERVICES}
        after = workload(51, min(AFTERWARDS, count), count)
        client.publish(rig.brokers, rig.topic(names.INGRESS), after.with_repeats())
        rig.wait_for_records("notifier", after.purchases)
        read_awards(rig).check([*load, *after])
        return figures


def recovered(rig: Rig, name: str) -> dict[str, Any]:
    loaded = rig.run.usage(name).peak_megabytes
    killed = []
    for _ in range(KILLS):
        rig.instances[name].kill()
        killed.append(started(rig, name))
    folder = rig.instances[name].folder
    rig.stop(name)
    stores = list(folder.rglob("*.sqlite*"))
    size = sum(file.stat().st_size for file in stores)
    for file in stores:
        file.unlink()
    return {
        "killed": statistics.median(killed),
        "killedLeast": min(killed),
        "killedMost": max(killed),
        "fromNothing": started(rig, name),
        "storeMegabytes": round(size / 1e6),
        "megabytesLoaded": round(loaded),
        "megabytesRestored": round(rig.run.usage(name).peak_megabytes),
    }


def started(rig: Rig, name: str) -> float:
    """Seconds until a service is ready."""
    start = time.monotonic()
    rig.start(name)
    rig.wait(lambda: rig.instances[name].is_ready, RECOVERY_SECONDS, poll=0.01)
    return round(time.monotonic() - start, 2)
