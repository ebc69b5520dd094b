"""A line of quick figures for each hand-made run, so that a change for the worse can be seen: history.csv."""

from __future__ import annotations

from pathlib import Path
from typing import Any

COLUMNS = (
    "time",
    "commit",
    "machine",
    "purchases",
    "per_second",
    "cpu_us",
    "gateway_alone",
    "evaluator_alone",
    "ledger_alone",
    "p50_ms_at_100",
    "p99_ms_at_100",
    "p50_ms_at_1000",
    "p99_ms_at_1000",
    "outcome_p50_ms_at_200",
    "outcome_p99_ms_at_200",
    "post_202_per_second",
    "balance_per_second",
    "per_second_from_start",
)


def append(file: Path, report: dict[str, Any]) -> None:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(",".join(COLUMNS) + "\n")
    with file.open("a") as out:
        out.write(",".join(str(value) for value in row(report)) + "\n")


def row(report: dict[str, Any]) -> list[Any]:
    """A figure that was not measured is left empty."""

    def median(*path: str) -> Any:
        value: Any = report
        for part in path:
            value = value.get(part, {})
        return value.get("median", "")

    head = report["head"]
    services = ("ingress-gateway", "rule-evaluator", "wallet-ledger")
    return [
        head["time"],
        head["commit"],
        head["machine"].replace(",", ";"),
        head["purchases"],
        median("throughput", "perSecond"),
        median("throughput", "cpuMicroseconds"),
        *(median("alone", service, "perSecond") for service in services),
        *(median("latency", rate, name) for rate in ("100", "1000") for name in ("p50", "p99")),
        *(median("outcome", "200", name) for name in ("p50", "p99")),
        median("door", "post202", "perSecond"),
        median("door", "balance", "perSecond"),
        median("throughput", "perSecondFromStart"),
    ]
