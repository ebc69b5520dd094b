"""How many purchases a second go through: all five services with everything waiting on `ingress`, and each service
alone with its input prepared and the others stopped."""

from __future__ import annotations

import shutil
import time
from typing import Any

import metrics
import names
from run_folder import Usage

from . import client
from .exactness import read_awards
from .rig import Rig, Setup
from .workload import Workload

# Awards at the start and at the end of a run that are looked at by themselves.
WINDOW = 100_000
# While a service is alone, so that its end is known to a hundredth of its time.
ALONE_POLL_SECONDS = 0.05
# Of topics, their copies and stores.
BYTES_A_PURCHASE = 8_000
Figures = dict[str, Any]


def chain(setup: Setup, workload: Workload) -> Figures:
    """From the first award to the last, by the awards' own timestamps, and what it took; and from the moment in which
    the services were started, since the first stages run ahead and their time is not between two awards."""
    need_room(setup, workload.purchases)
    with Rig(setup) as rig:
        published = client.publish(rig.brokers, rig.topic(names.INGRESS), workload.with_repeats())
        before, started = rig.usage(), time.time()
        rig.start()
        rig.wait_for_records("wallet-ledger", workload.purchases)
        # Awards are read by the notifier, and outcomes by the issuer; what is still on its way is theirs.
        rig.wait_for_records("notifier", workload.purchases)
        after, series = rig.usage(), rig.all_series()
        # Rows that still wait in memory are part of the work.
        after = with_ends(after, rig.stop())
        awards = read_awards(rig).check(workload)
        whole = awards.times[-1] - started
        figures: Figures = {
            "purchases": workload.purchases,
            "published": published,
            "seconds": round(awards.seconds, 2),
            "perSecond": round(workload.purchases / awards.seconds),
            "perSecondFromStart": round(workload.purchases / whole),
            "wallets": len(awards.points),
            "services": service_figures(series, workload.purchases, before, after, whole),
            "topics": topic_figures(rig, workload.purchases),
        }
        figures["cpuMicroseconds"] = round(
            sum(one["cpuMicroseconds"] for one in figures["services"].values()), 1
        )
        if workload.purchases >= 3 * WINDOW:
            figures |= windows(awards.times)
        return figures


def need_room(setup: Setup, purchases: int) -> None:
    free = shutil.disk_usage(setup.run.path).free
    if free < purchases * BYTES_A_PURCHASE:
        raise RuntimeError(
            f"{purchases:,} purchases take {purchases * BYTES_A_PURCHASE / 1e9:.0f} GB in {setup.run.path},"
            f" which has {free / 1e9:.0f}: let TMPDIR name another folder"
        )


def windows(times: list[float]) -> Figures:
    """Awards a second early and late, without the very first ones, which open nearly every wallet."""

    def rate(first: int) -> int:
        return round(WINDOW / (times[first + WINDOW - 1] - times[first]))

    return {"perSecondEarly": rate(WINDOW), "perSecondLate": rate(len(times) - WINDOW)}


def alone(setup: Setup, workload: Workload) -> Figures:
    """Each service in turn, on what the one before it has written."""
    figures: Figures = {}
    with Rig(setup) as rig:
        client.publish(rig.brokers, rig.topic(names.INGRESS), workload.with_repeats())
        # Keys lie where the gateway decides on them, so that it hands nothing on to itself. Nobody asked for a reward:
        # the issuer has nothing to do.
        due = {
            "ingress-gateway": workload.published,
            "rule-evaluator": workload.purchases,
            "wallet-ledger": workload.purchases,
            "notifier": workload.purchases,
        }
        for service, records in due.items():
            before, started = rig.usage(), time.monotonic()
            rig.start(service)
            rig.wait_ready(service)
            begun, early = time.monotonic(), rig.instances[service].metric(names.RECORDS_PROCESSED)
            if early > records / 2:
                # By the time that it is seen to be ready, a fast one has done most of it: its start counts, too.
                begun, early = started, 0
            rig.wait_for_records(service, records, ALONE_POLL_SECONDS)
            ended, after, series = time.monotonic(), rig.usage(), rig.all_series()
            last = with_ends(after, rig.stop(service))
            # Rows that still wait in memory are part of the work, and what writing them takes of its time.
            seconds = ended - begun + last[service].cpu_seconds - after[service].cpu_seconds
            one = service_figures(series, records, before, last, ended - started)
            figures[service] = (
                {"perSecond": round((records - early) / seconds)}
                | one[service]
                | {"brokerMicroseconds": one["broker"]["cpuMicroseconds"]}
            )
        read_awards(rig).check(workload)
    return figures


def with_ends(used: dict[str, Usage], ends: dict[str, float]) -> dict[str, Usage]:
    """With the processor seconds of services that have ended since; the broker's are as they were."""
    return {name: one._replace(cpu_seconds=ends.get(name, one.cpu_seconds)) for name, one in used.items()}


def service_figures(
    series: dict[str, metrics.Series],
    events: int,
    before: dict[str, Usage],
    after: dict[str, Usage],
    seconds: float,
) -> dict[str, Figures]:
    """Of each process: processor time an event, peak memory, and of a service what it read and wrote."""
    found = {}
    for name, used in after.items():
        spent = used.cpu_seconds - (before[name].cpu_seconds if name in before else 0)
        one: Figures = {
            "cpuMicroseconds": round(spent / events * 1e6, 1),
            "megabytes": round(used.peak_megabytes),
        }
        if name != "broker":
            mine = series[name]
            one["read"] = round(metrics.total(mine, names.RECORDS_PROCESSED) / events, 2)
            one["written"] = round(metrics.total(mine, names.RECORDS_WRITTEN) / events, 2)
            one["transactionsPerSecond"] = round(metrics.total(mine, names.BATCHES) / seconds, 1)
            one["batchP50"] = round(metrics.quantile(mine, names.BATCH_RECORDS, 0.5))
        found[name] = one
    return found


def topic_figures(rig: Rig, purchases: int) -> dict[str, int]:
    """Bytes on the broker's disk per purchase, by topic."""
    found: dict[str, int] = {}
    prefix = rig.run.text("prefix") + "."
    for folder in (rig.setup.run.path / "broker" / "data").glob(f"{prefix}*"):
        noun = folder.name.removeprefix(prefix).rpartition(".v1-")[0]
        found[noun] = found.get(noun, 0) + sum(file.stat().st_size for file in folder.glob("*.log"))
    return {noun: round(size / purchases) for noun, size in sorted(found.items()) if size > purchases}
