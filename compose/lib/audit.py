"""Holds what came out of a tormented platform against what went in: the purchases that were published, the rewards
that were asked for, and what a reader of `awards` and `spends` saw all along. Shares the quickstart's checks
where they ask the same; judges nothing but records and notes, never a store or a figure of the services."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import checks
import names
from checks import TOLD, Check
from evidence import Evidence
from expectation import Expectation, Purchase
from latency import percentile
from topics import Record


# A customer's first purchase may still be under way.
REFUSALS = (names.SHORT_BALANCE, names.UNKNOWN_WALLET)


class Asked(NamedTuple):
    """A redemption that was accepted, under this id."""

    issuance: str
    customer: str


class Offer:
    """Points for whole units of money, as the document in compose/config says."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        award = document["award"]
        if (award["kind"], award["rounding"]) != ("perCurrencyUnit", "floor"):
            raise ValueError(f"no rule for {award}")
        self.points_per_unit = Decimal(award["pointsPerUnit"])

    def points(self, total: str) -> int:
        return int((Decimal(total) * self.points_per_unit).to_integral_value(ROUND_FLOOR))


def purchase_of(text: bytes, offer: Offer) -> Purchase:
    """What a line of the data is worth: customer, date, number of CDs, dollars."""
    customer, _, _, total = text.decode().split()
    return Purchase(customer, offer.points(total))


def all_checks(
    due: Expectation,
    evidence: Evidence,
    asked: list[Asked],
    seen: Mapping[str, Mapping[tuple[int, int], bytes]],
    read: Mapping[str, Mapping[tuple[int, int], bytes]],
    invalid: int,
) -> list[Check]:
    """`seen` is what the reader saw while faults were injected, `read` the same topics read anew at the end."""
    return [
        checks.purchases(due, evidence),
        Check("points awarded", due.points, sum(award.points for award in evidence.awards), []),
        checks.wallets(due, evidence),
        redemptions(asked, evidence),
        spends(evidence),
        points_in_and_out(evidence),
        balances(due, evidence),
        checks.ledger_sum(evidence),
        Check("gaps and repeats in wallets' sequences", 0, len(evidence.gaps), evidence.gaps[:TOLD]),
        *(downstream(noun, seen[noun], read[noun]) for noun in sorted(seen)),
        checks.webhooks(evidence, invalid),
        Check("webhooks out of order", 0, *checks.disorder(evidence.notices)),
        dead_letters(evidence),
    ]


def redemptions(asked: list[Asked], evidence: Evidence) -> Check:
    """Each request is decided once, issued or refused, and nothing was decided that nobody asked for."""
    decided = Counter((one["issuance"], one["externalId"]) for one in evidence.issued + evidence.refused)
    wrong = [f"{issuance}: decided {count} times" for (issuance, _), count in decided.items() if count != 1]
    due = {(one.issuance, one.customer) for one in asked}
    wrong += [f"{issuance} of {customer}: not decided" for issuance, customer in due - decided.keys()]
    wrong += [f"{issuance} of {customer}: nobody asked" for issuance, customer in decided.keys() - due]
    wrong += [
        f"{one['issuance']}: refused for {one.get('reason')}"
        for one in evidence.refused
        if one.get("reason") not in REFUSALS
    ]
    return Check("redemptions decided, each once", len(due), len(decided), wrong[:TOLD])


def issued_by_customer(evidence: Evidence) -> Counter[str]:
    return Counter(one["externalId"] for one in evidence.issued)


def spends(evidence: Evidence) -> Check:
    """One spend for each reward that was issued, of its price, by its customer."""
    wrong = [
        f"{one['spend']}: {one['points']}" for one in evidence.spends if one["points"] != names.REWARD_POINTS
    ]
    ids = Counter(one["spend"] for one in evidence.spends)
    wrong += [f"{spend}: {count} times" for spend, count in ids.items() if count != 1]
    by_customer = Counter(one["externalId"] for one in evidence.spends)
    issued = issued_by_customer(evidence)
    wrong += [f"{who}: {count} spends without a reward" for who, count in (by_customer - issued).items()]
    wrong += [f"{who}: {count} rewards without a spend" for who, count in (issued - by_customer).items()]
    return Check("spends, one for each reward", len(evidence.issued), len(evidence.spends), wrong[:TOLD])


def points_in_and_out(evidence: Evidence) -> Check:
    issued = sum(award.points for award in evidence.awards)
    kept = sum(evidence.settled.values())
    spent = sum(one["points"] for one in evidence.spends)
    return Check("points issued = spent + balances", issued, spent + kept, [])


def balances(due: Expectation, evidence: Evidence) -> Check:
    """By the input, by the wallet's last transaction, by its transfers, and by its row on the changelog."""
    issued = issued_by_customer(evidence)
    right, wrong = 0, []
    for wallet, settled in evidence.settled.items():
        customer = evidence.customer_of[wallet]
        owed = due.balances.get(customer, 0) - names.REWARD_POINTS * issued[customer]
        stored = evidence.stored_wallets.get(wallet)
        if settled == owed == evidence.moved[wallet] == stored:
            right += 1
        else:
            moved = evidence.moved[wallet]
            wrong.append(f"{customer}: balance {settled}, transfers {moved}, stored {stored}, due {owed}")
    return Check("wallets whose balance is right", len(due.balances), right, wrong[:TOLD])


def downstream(
    noun: str, seen: Mapping[tuple[int, int], bytes], read: Mapping[tuple[int, int], bytes]
) -> Check:
    """What was shown to a reader once is there for good: no aborted record was shown, none vanished."""
    wrong = [f"{place}: shown and then gone" for place in seen.keys() - read.keys()]
    wrong += [f"{place}: never shown" for place in read.keys() - seen.keys()]
    wrong += [f"{place}: changed" for place in seen.keys() & read.keys() if seen[place] != read[place]]
    return Check(f"{noun} as kcat saw them all along", len(read), len(seen), wrong[:TOLD])


def dead_letters(evidence: Evidence) -> Check:
    wrong = [f"{service}: {count}" for service, count in evidence.dead_letters.items() if count]
    return Check("dead letters", 0, evidence.dead_letters.total(), wrong)


def unchanged(before: Mapping[str, int], after: Mapping[str, int]) -> Check:
    """Balances by wallet before and after everything was published once more."""
    wrong = [
        f"{wallet}: {points} before, {after.get(wallet)} after"
        for wallet, points in before.items()
        if after.get(wallet) != points
    ]
    return Check("balances that a replay left alone", len(before), len(before) - len(wrong), wrong[:TOLD])


class Losses(NamedTuple):
    lost: int
    doubled: int


def losses(due: Expectation, evidence: Evidence) -> Losses:
    awards = Counter(award.event for award in evidence.awards)
    lost = doubled = 0
    for key in due.purchases:
        count = sum(awards[event] for event in evidence.events_by_key.get(key, []))
        lost += count == 0
        doubled += max(0, count - 1)
    return Losses(lost, doubled)


class Wait(NamedTuple):
    """How long a purchase took to its award, by the records' timestamps."""

    milliseconds: int
    since: int
    customer: str


def waits(evidence: Evidence, ingress: Iterable[Record]) -> list[Wait]:
    first: dict[str, int] = {}
    for record in ingress:
        first[record.key] = min(first.get(record.key, record.milliseconds), record.milliseconds)
    awarded = {award.event: award for award in evidence.awards}
    found = []
    for key, since in first.items():
        for event in evidence.events_by_key.get(key, [])[:1]:
            if award := awarded.get(event):
                found.append(Wait(award.milliseconds - since, since, award.customer))
    return sorted(found)


def figures(times: list[float]) -> dict[str, float | int]:
    if not times:
        return {"count": 0}
    times = sorted(times)
    return {
        "count": len(times),
        "p50": round(percentile(times, 50), 2),
        "p99": round(percentile(times, 99), 2),
        "max": round(times[-1], 2),
    }


def load_offer(path: Path) -> Offer:
    return Offer(json.loads(path.read_text()))
