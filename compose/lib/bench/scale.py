"""How cost grows: with workers and instances, with wallets, with history; and how long a service takes to be back."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

import names
from run_folder import RunFolder

from . import client
from .exactness import read_awards
from .rig import Rig, usage
from .throughput import chain
from .workload import Workload

MEMORY_WALLETS = 1_000_000
HISTORY_WINDOW = 100_000
KILLS = 5


def workload(seed: int, purchases: int, wallets: int) -> Workload:
    return Workload(seed, purchases, wallets, datetime.now(timezone.utc))


def workers(main: RunFolder, bin_folder: str, purchases: int, settings: dict[str, str]) -> dict[str, Any]:
    """The whole chain with 1, 2 and 4 workers in each process."""
    figures = {}
    for count in (1, 2, 4):
        found = chain(
            main,
            bin_folder,
            workload(20 + count, purchases, 100_000),
            settings | {"POINTSTREAM_WORKERS": str(count)},
        )
        figures[str(count)] = {name: found[name] for name in ("perSecond", "cpuMicroseconds")}
    return figures


def wallets(main: RunFolder, bin_folder: str, purchases: int, settings: dict[str, str]) -> dict[str, Any]:
    """The whole chain over more and more wallets."""
    figures = {}
    for count in (1_000, 10_000, 100_000, 1_000_000):
        found = chain(main, bin_folder, workload(30, purchases, count), settings)
        figures[str(count)] = {name: found[name] for name in ("perSecond", "cpuMicroseconds")}
    return figures


def history(main: RunFolder, bin_folder: str, purchases: int, settings: dict[str, str]) -> dict[str, Any]:
    """One platform that goes on and on: awards a second over the first and the last 100,000, without the very first
    ones, which open nearly every wallet."""
    with Rig(main, bin_folder, settings) as rig:
        load = workload(40, purchases, 100_000)
        client.publish(rig.brokers, rig.topic(names.INGRESS), load.with_repeats())
        rig.start()
        rig.wait_for_records("wallet-ledger", purchases)
        memory = {name: round(used.peak_megabytes) for name, used in rig.usage().items()}
        times = read_awards(rig, load).times

    def rate(first: int) -> int:
        return round(HISTORY_WINDOW / (times[first + HISTORY_WINDOW - 1] - times[first]))

    return {
        "awards": purchases,
        "first": rate(min(HISTORY_WINDOW, purchases - HISTORY_WINDOW)),
        "last": rate(purchases - HISTORY_WINDOW),
        "megabytes": memory,
    }


def recovery(main: RunFolder, bin_folder: str, count: int, settings: dict[str, str]) -> dict[str, Any]:
    """Kill to ready with the stores there, from nothing with the stores gone, and memory, with so many wallets."""
    figures: dict[str, Any] = {"wallets": count, "killed": {}, "restored": {}, "megabytes": {}}
    with Rig(main, bin_folder, settings) as rig:
        # One purchase for nearly every wallet: what a store holds of each.
        load = workload(50, count, count)
        client.publish(rig.brokers, rig.topic(names.INGRESS), load.with_repeats())
        rig.start()
        rig.wait_for_records("wallet-ledger", count)
        rig.wait_for_records("notifier", count)
        read_awards(rig, load)
        for name in names.SERVICES:
            figures["killed"][name] = sorted(back(rig, name) for _ in range(KILLS))
        for name in names.SERVICES:
            instance = rig.instances[name]
            rig.stop(name)
            for file in instance.stores:
                file.unlink()
            for file in instance.folder.glob("*.sqlite*"):
                file.unlink()
            figures["restored"][name] = back(rig, name)
            figures["megabytes"][name] = round(usage(instance.pid).peak_megabytes)
    return figures


def back(rig: Rig, name: str) -> float:
    """Seconds from the kill, or from the start if it is down, until a service is ready."""
    instance = rig.instances[name]
    instance.kill()
    start = time.monotonic()
    instance.start()
    rig.wait(lambda: instance.is_ready, 600, poll=0.01)
    return round(time.monotonic() - start, 2)
