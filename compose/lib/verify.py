"""Checks a finished run and tells the result: verify.py RUN [REPORT]. Prints the table, writes the report,
and exits with 0 only if everything is true."""

from __future__ import annotations

import json
import sys
import urllib.request
from typing import Any

import report
import table
from checks import Check, all_checks
from evidence import Evidence
from expectation import Expectation
from run_folder import RunFolder
from topics import read


def optional(run: RunFolder, name: str, otherwise: Any) -> Any:
    """A step that was not reached has left no file; its figures are missing then, and its checks fail."""
    return run.read_json(name) if (run.path / name).exists() else otherwise


def invalid_notices(run: RunFolder) -> int:
    # Asking also makes the receiver write out its notes.
    with urllib.request.urlopen(f"http://127.0.0.1:{run.receiver_port()}/figures", timeout=30) as answer:
        return int(json.load(answer)["invalid"])


def seconds(run: RunFolder, evidence: Evidence) -> float | None:
    """From the till's first line to the record of the last award."""
    if not evidence.awards:
        return None
    return max(award.milliseconds for award in evidence.awards) / 1_000 - float(run.text("fed-at"))


def figures_of(checks: dict[str, Check], took: float | None, latency: dict[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = {key: checks[key].found for key in report.CHECKED}
    if took:
        figures |= {"seconds": round(took, 2), "purchasesPerSecond": round(figures["purchases"] / took)}
    return figures | {"p50Ms": latency.get("p50Ms"), "p99Ms": latency.get("p99Ms")}


def main() -> int:
    run = RunFolder(sys.argv[1])
    expectation = Expectation.load(run)
    invalid = invalid_notices(run)
    with (run.path / "receiver/notices.tsv").open() as notices:
        evidence = Evidence(lambda noun: read(run, noun), notices)
    sample = optional(run, "services.json", {"services": {}, "repeats": 0})
    latency = optional(run, "latency.json", {})
    redeemed = optional(run, "redeemed.json", {"issuances": {}, "problems": ["nothing was redeemed"]})
    checks = all_checks(expectation, evidence, sample["repeats"], redeemed, invalid)
    ok = all(check.ok for check in checks.values()) and "p99Ms" in latency
    figures = report.make(ok, figures_of(checks, seconds(run, evidence), latency), run.text("broker-kind"))
    table.show(checks.values(), sample["services"], figures, latency)
    if len(sys.argv) > 2:
        report.write(sys.argv[2], figures)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
