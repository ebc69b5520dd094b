"""What a torture found, as one JSON object and as tables. Computes nothing but counts and percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import audit
import names

if TYPE_CHECKING:
    from torment import Torment


def longest_by_fault(
    waits: Sequence[audit.Wait], spans: Sequence[tuple[str, float, float]]
) -> dict[str, float]:
    """Of each kind of fault: the longest wait of a purchase that was published while it lasted, in seconds."""
    longest: dict[str, float] = {}
    for kind, began, ended in spans:
        for wait in waits:
            if began * 1_000 <= wait.since <= ended * 1_000:
                longest[kind] = max(longest.get(kind, 0.0), round(wait.milliseconds / 1_000, 2))
    return longest


def summarise(
    torment: Torment,
    checks: Sequence[audit.Check],
    problems: Sequence[str],
    ok: bool,
    losses: audit.Losses | None,
) -> dict[str, Any]:
    storm = torment.storm
    ready = {
        service: audit.figures(
            [one.seconds for one in storm.ready if one.service == service and is_plain(one)]
        )
        for service in names.SERVICES
    }
    others = [one.seconds for one in storm.ready if not is_plain(one) and one.fault != "started"]
    evidence = torment.evidence
    return {
        "ok": ok,
        "seed": torment.options.seed,
        "brokers": len(torment.fleet.brokers),
        "minutes": round(torment.elapsed / 60, 1),
        # Rounds of kills count by the services that they hit.
        "faults": dict(sorted((storm.counts | {"killed": storm.kills.total()}).items())),
        "kills": {service: storm.kills[service] for service in names.SERVICES},
        "killsInTotal": storm.kills.total(),
        "readyAfterKill": ready,
        "readyAfterOtherFaults": audit.figures(others),
        "takeover": audit.figures(storm.takeovers),
        "purchases": len(torment.till.published),
        "publishedAgain": torment.till.retries,
        "redemptions": len(torment.customers.accepted),
        "askedAgain": torment.customers.retries,
        "awards": len(evidence.awards) if evidence else None,
        "pointsAwarded": sum(one.points for one in evidence.awards) if evidence else None,
        "rewardsIssued": len(evidence.issued) if evidence else None,
        "wait": torment.figures.get("waits"),
        "longestWaits": [
            [round(since, 2), round(seconds, 2), customer]
            for since, seconds, customer in torment.figures.get("longest", [])
        ],
        "longestWaitByFault": torment.figures.get("byFault"),
        "lost": losses.lost if losses else None,
        "doubled": losses.doubled if losses else None,
        "deadLetters": evidence.dead_letters.total() if evidence else None,
        "checks": {one.name: one.ok for one in checks},
        "problems": list(problems),
    }


def is_plain(ready: Any) -> bool:
    return ready.fault == "killed" and not ready.without_broker


def show(result: dict[str, Any], checks: Sequence[audit.Check]) -> None:
    print(f"\n  {'':46}{'due':>12}{'found':>12}")
    for check in checks:
        print(f"  {check.name:46}{check.expected:>12,}{check.found:>12,}  {'ok' if check.ok else 'WRONG'}")
        for deviation in check.deviations:
            print(f"      {deviation}")
    longest = result["longestWaitByFault"] or {}
    print(f"\n  {'fault':24}{'count':>8}{'longest wait of a purchase, s':>32}")
    for kind, count in result["faults"].items():
        print(f"  {kind:24}{count:>8,}{longest.get(kind, '-'):>32}")
    print(f"\n  {'from kill to ready, s':24}{'kills':>8}{'timed':>8}{'p50':>8}{'p99':>8}{'max':>8}")
    for service, count in result["kills"].items():
        show_figures(service, count, result["readyAfterKill"][service])
    show_figures("after other faults", "", result["readyAfterOtherFaults"])
    show_figures("one of two died", "", result["takeover"])
    wait = result["wait"] or {"count": 0}
    print(
        f"\n  {result['killsInTotal']:,} kills in {result['minutes']} minutes,"
        f" {result['purchases']:,} purchases, {result['redemptions']:,} redemptions; seed {result['seed']}"
    )
    if wait["count"]:
        print(
            f"  a purchase waited for its award: p50 {wait['p50']} s, p99 {wait['p99']} s,"
            f" the longest stall {wait['max']} s"
        )
    for since, seconds, customer in result["longestWaits"]:
        print(f"    {seconds} s, from {since:.0f} s on, customer {customer}")
    print(f"  lost {result['lost']}, doubled {result['doubled']}, dead letters {result['deadLetters']}")
    for problem in result["problems"]:
        print(f"  WRONG: {problem}")
    print(f"\n  {'All of it is true.' if result['ok'] else 'NOT all of it is true.'}")


def show_figures(name: str, count: Any, figures: dict[str, Any]) -> None:
    cells = "".join(f"{figures.get(key, '-'):>8}" for key in ("count", "p50", "p99", "max"))
    print(f"  {name:24}{count:>8}{cells}")
