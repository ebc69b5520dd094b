"""The quickstart's closing table. Prints; computes nothing but rates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from checks import Check


def show(
    checks: Iterable[Check], services: dict[str, Any], figures: dict[str, Any], latency: dict[str, Any]
) -> None:
    print(f"\n  {'':42}{'due':>12}{'found':>12}")
    for check in checks:
        print(f"  {check.name:42}{check.expected:>12,}{check.found:>12,}  {'ok' if check.ok else 'WRONG'}")
        for deviation in check.deviations:
            print(f"      {deviation}")
    show_services(services)
    show_speed(figures, latency)
    print(f"\n  {'All of it is true.' if figures['ok'] else 'NOT all of it is true.'}")


def show_services(services: dict[str, Any]) -> None:
    print(
        f"\n  {'for the bulk of purchases':24}{'records':>10}{'busy s':>9}{'events/s':>10}"
        f"{'CPU s':>8}{'MB':>6}{'aborts':>8}"
    )
    for name, one in services.items():
        busy = one["busySeconds"]
        rate = f"{one['records'] / busy:,.0f}" if busy else "-"
        print(
            f"  {name:24}{one['records']:>10,}{busy:>9.1f}{rate:>10}{one['processorSeconds']:>8.1f}"
            f"{one['megabytes']:>6.0f}{one['aborts']:>8}"
        )
    print("  events/s: records by the time that batches took, all processes sharing this machine")


def show_speed(figures: dict[str, Any], latency: dict[str, Any]) -> None:
    if figures["seconds"] is not None:
        print(
            f"\n  {figures['purchases']:,} purchases in {figures['seconds']:.1f} s on {figures['broker']}:"
            f" {figures['purchasesPerSecond']:,}/s from the till to the award"
        )
    if "p99Ms" in latency:
        print(
            f"  at a steady {latency['rate']}/s afterwards: p50 {latency['p50Ms']} ms, p99 {latency['p99Ms']} ms"
            f" from the till to a reader of awards\n"
            f"  ({latency['count']} purchases of customers of their own, not among the figures above)"
        )
    elif latency:
        print(f"  latency: only {latency['count']} of the purchases came out in time")
