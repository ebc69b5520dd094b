"""How many purchases a second go through: all five services with everything waiting on `ingress`, and each service
alone with its input prepared and the others stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import metrics
import names
from run_folder import RunFolder

from . import client
from .exactness import read_awards
from .rig import Rig, Usage
from .workload import Workload

# In the order in which a purchase meets them.
CHAIN = names.SERVICES
Figures = dict[str, Any]


def chain(main: RunFolder, bin_folder: str, workload: Workload, settings: dict[str, str] | None = None) -> Figures:
    """From the first award to the last, by the awards' own timestamps, and what it took."""
    with Rig(main, bin_folder, settings) as rig:
        published = client.publish(rig.brokers, rig.topic(names.INGRESS), workload.with_repeats())
        before = {"broker": rig.usage()["broker"]}
        rig.start()
        rig.wait_for_records("wallet-ledger", workload.purchases)
        after = rig.usage()
        # Awards are read by the notifier, and outcomes by the issuer; what is still on its way is theirs.
        rig.wait_for_records("notifier", workload.purchases)
        awards = read_awards(rig, workload)
        seconds = awards.last - awards.first
        figures: Figures = {
            "purchases": workload.purchases,
            "published": published,
            "seconds": round(seconds, 2),
            "perSecond": round(awards.count / seconds),
            "services": service_figures(rig, workload.purchases, before, after),
            "topics": topic_figures(main, rig, workload.purchases),
        }
        figures["cpuMicroseconds"] = round(sum(one["cpuMicroseconds"] for one in figures["services"].values()), 1)
        return figures


def alone(main: RunFolder, bin_folder: str, workload: Workload) -> Figures:
    """Each service in turn, on what the one before it has written."""
    figures: Figures = {}
    with Rig(main, bin_folder) as rig:
        client.publish(rig.brokers, rig.topic(names.INGRESS), workload.with_repeats())
        # Keys lie where the gateway decides on them, so that it hands nothing on to itself.
        due = {
            "ingress-gateway": workload.published,
            "rule-evaluator": workload.purchases,
            "wallet-ledger": workload.purchases,
            "notifier": workload.purchases,
        }
        for service, records in due.items():
            broker = rig.usage()["broker"].cpu_seconds
            rig.start(service)
            rig.wait_ready(service)
            ready, early = time.monotonic(), rig.instances[service].metric(names.RECORDS_PROCESSED)
            rig.wait_for_records(service, records)
            seconds, after = time.monotonic() - ready, rig.usage()
            figures[service] = {
                "perSecond": round((records - early) / seconds),
                "cpuMicroseconds": round(after[service].cpu_seconds / records * 1e6, 1),
                "brokerMicroseconds": round((after["broker"].cpu_seconds - broker) / records * 1e6, 1),
                "megabytes": round(after[service].peak_megabytes),
            }
            rig.stop(service)
            del rig.instances[service]
        read_awards(rig, workload)
    return figures


def service_figures(
    rig: Rig, purchases: int, before: dict[str, Usage], after: dict[str, Usage]
) -> dict[str, dict[str, float]]:
    found = {}
    for name, used in after.items():
        spent = used.cpu_seconds - (before[name].cpu_seconds if name in before else 0)
        one: dict[str, float] = {
            "cpuMicroseconds": round(spent / purchases * 1e6, 1),
            "megabytes": round(used.peak_megabytes),
        }
        if name != "broker":
            series = rig.series(name)
            batches = metrics.total(series, names.BATCHES)
            records = metrics.total(series, names.RECORDS_PROCESSED)
            one["records"] = round(records / purchases, 2)
            one["written"] = round(metrics.total(series, names.RECORDS_WRITTEN) / purchases, 2)
            one["batches"] = int(batches)
            one["recordsPerBatch"] = round(records / batches) if batches else 0
        found[name] = one
    return found


def topic_figures(main: RunFolder, rig: Rig, purchases: int) -> dict[str, float]:
    """Bytes on the broker's disk per purchase, by topic."""
    found = {}
    prefix = rig.run.text("prefix") + "."
    for folder in Path(main.path / "broker" / "data").glob(f"{prefix}*"):
        noun = folder.name.removeprefix(prefix).rpartition(".v1-")[0]
        size = sum(file.stat().st_size for file in folder.glob("*.log"))
        found[noun] = found.get(noun, 0) + size
    return {noun: round(size / purchases) for noun, size in sorted(found.items()) if size > purchases}
