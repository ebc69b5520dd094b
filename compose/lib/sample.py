"""Notes what each service did for the bulk of purchases: sample.py RUN writes RUN/services.json. Taken before
the redemptions, so that what they add does not blur the figures."""

from __future__ import annotations

import sys
from typing import Any

import metrics
import names
from run_folder import RunFolder


def sample(run: RunFolder) -> dict[str, Any]:
    services = {}
    repeats = 0
    for service in names.SERVICES:
        series = metrics.scrape(run, service)
        used = run.usage(service)
        services[service] = {
            "records": metrics.records(series),
            "busySeconds": metrics.total(series, names.BATCH_SECONDS),
            "aborts": int(metrics.total(series, names.TRANSACTION_ABORTS)),
            "processorSeconds": used.cpu_seconds,
            "megabytes": used.megabytes,
        }
        if service == "ingress-gateway":
            repeats = metrics.intake(series, names.INTAKE_REPEAT)
    return {"services": services, "repeats": repeats}


if __name__ == "__main__":
    run = RunFolder(sys.argv[1])
    run.write_json("services.json", sample(run))
