"""The report that --report writes. verify.py makes a full one; `report.py FILE BROKER` that of a run that ended
early, which has no figures and says so."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

CHECKED = (
    "purchases",
    "repeats",
    "wallets",
    "pointsAwarded",
    "zeroAwards",
    "rewardsIssued",
    "pointsSpent",
    "refusals",
    "webhooksVerified",
    "ledgerSum",
)
MEASURED = ("seconds", "purchasesPerSecond", "p50Ms", "p99Ms")


def make(ok: bool, figures: dict[str, Any], broker: str) -> dict[str, Any]:
    """Always the same keys in the same order; what is not known is null."""
    return {"ok": ok} | {key: figures.get(key) for key in CHECKED + MEASURED} | {"broker": broker}


def write(path: str, report: dict[str, Any]) -> None:
    Path(path).write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    write(sys.argv[1], make(False, {}, sys.argv[2]))
