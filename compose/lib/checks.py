"""Holds what came out against what had to: every check is one line of the quickstart's table. Pure; verify.py
feeds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import names
from evidence import Award, Evidence, Notice, is_probe
from expectation import Expectation

# Deviations that are told; the first ones say what went wrong.
TOLD = 5


class Check(NamedTuple):
    name: str
    expected: int
    found: int
    # What deviates, if anything; a check with deviations fails even if the counts agree.
    deviations: list[str]

    @property
    def ok(self) -> bool:
        return self.expected == self.found and not self.deviations


def all_checks(
    expectation: Expectation, evidence: Evidence, repeats: int, redeemed: dict[str, Any], invalid_notices: int
) -> dict[str, Check]:
    """By the report's key, where the report has one."""
    return {
        "purchases": purchases(expectation, evidence),
        "repeats": Check("repeats recognised", expectation.repeats, repeats, []),
        "wallets": wallets(expectation, evidence),
        "pointsAwarded": Check(
            "points awarded", expectation.points, sum(award.points for award in evidence.awards), []
        ),
        "zeroAwards": zero_awards(expectation, evidence),
        "rewardsIssued": rewards_issued(expectation, evidence, redeemed),
        "pointsSpent": points_spent(expectation, evidence),
        "refusals": refusals(expectation, evidence),
        "webhooksVerified": webhooks(evidence, invalid_notices),
        "ledgerSum": ledger_sum(evidence),
        "balances": balances(expectation, evidence),
        "gaps": Check("gaps in wallets' sequences", 0, len(evidence.gaps), evidence.gaps[:TOLD]),
        "order": Check("webhooks out of order", 0, *disorder(evidence.notices)),
        "deadLetters": Check(
            "dead letters",
            0,
            evidence.dead_letters.total(),
            [f"{service}: {count}" for service, count in evidence.dead_letters.items() if count],
        ),
    }


def purchases(expectation: Expectation, evidence: Evidence) -> Check:
    """Each key became one event, each event one award, of the customer and the points that its line says."""
    by_event: dict[str, list[Award]] = {}
    for award in evidence.awards:
        by_event.setdefault(award.event, []).append(award)
    right, wrong = 0, []
    for key, due in expectation.purchases.items():
        events = evidence.events_by_key.get(key, [])
        awards = [award for event in events for award in by_event.pop(event, [])]
        if len(events) == 1 and [(one.customer, one.points) for one in awards] == [
            (due.customer, due.points)
        ]:
            right += 1
        else:
            wrong.append(
                f"{key}: {len(events)} events, awards {[one.points for one in awards]}, due {due.points}"
            )
    wrong += [
        f"{key}: no such purchase" for key in evidence.events_by_key.keys() - expectation.purchases.keys()
    ]
    wrong += [f"{event}: an award without a purchase" for event in by_event]
    return Check("purchases decided", len(expectation.purchases), right, wrong[:TOLD])


def wallets(expectation: Expectation, evidence: Evidence) -> Check:
    opened = {who: count for who, count in evidence.opened.items() if not is_probe(who)}
    wrong = [f"{who}: opened {count} times" for who, count in opened.items() if count != 1]
    wrong += [f"{who}: not opened" for who in expectation.balances.keys() - opened.keys()]
    return Check("wallets opened", len(expectation.balances), len(opened), wrong[:TOLD])


def zero_awards(expectation: Expectation, evidence: Evidence) -> Check:
    found = sum(1 for award in evidence.awards if award.outcome == names.AWARDED_NOTHING and award.reason)
    return Check("purchases that award nothing, and say so", expectation.zero_awards, found, [])


def rewards_issued(expectation: Expectation, evidence: Evidence, redeemed: dict[str, Any]) -> Check:
    counts = Counter(one["issuance"] for one in evidence.issued)
    wrong = [f"{issuance}: issued {count} times" for issuance, count in counts.items() if count != 1]
    if set(redeemed["issuances"].values()) != set(counts):
        wrong.append("the issuances answered over HTTP are not those on the topic")
    return Check(
        "rewards issued, each once",
        len(expectation.redeemers),
        len(counts),
        (redeemed["problems"] + wrong)[:TOLD],
    )


def points_spent(expectation: Expectation, evidence: Evidence) -> Check:
    spent = Counter[str]()
    for spend in evidence.spends:
        spent[spend["externalId"]] += spend["points"]
    wrong = [f"{who}: {points}" for who, points in spent.items() if points != names.REWARD_POINTS]
    due = names.REWARD_POINTS * len(expectation.redeemers)
    return Check("points spent", due, spent.total(), wrong[:TOLD])


def refusals(expectation: Expectation, evidence: Evidence) -> Check:
    wrong = [
        f"{one['externalId']}: {one.get('reason')}"
        for one in evidence.refused
        if one.get("reason") != names.SHORT_BALANCE
    ]
    return Check("redemptions refused", len(expectation.short), len(evidence.refused), wrong[:TOLD])


def webhooks(evidence: Evidence, invalid: int) -> Check:
    """Every award and spend was delivered under a signature that held, and nothing else was."""
    due = Counter((award_notice(award), award.event) for award in evidence.awards)
    due += Counter((names.NOTICE_SPENT, spend["spend"]) for spend in evidence.spends)
    found = Counter(
        (notice.kind, notice.about) for notice in evidence.notices if not is_probe(notice.customer)
    )
    wrong = [f"{kind} {about}: not delivered" for kind, about in due - found]
    wrong += [f"{kind} {about}: delivered without need" for kind, about in found - due]
    if invalid:
        wrong.append(f"{invalid} posts without a valid signature")
    missing_probes = {award.event for award in evidence.probe_awards} - {
        notice.about for notice in evidence.notices
    }
    wrong += [f"{event}: not delivered" for event in missing_probes]
    return Check("webhooks with a verified signature", due.total(), (due & found).total(), wrong[:TOLD])


def award_notice(award: Award) -> str:
    return names.NOTICE_AWARDED if award.points > 0 else names.NOTICE_NOT_AWARDED


def ledger_sum(evidence: Evidence) -> Check:
    """All balances in the ledger's stores add up to nothing, and the programme's are what the transfers say."""
    programme = sum(evidence.stored_programme.values())
    transferred = sum(points for account, points in evidence.moved.items() if account not in evidence.settled)
    wrong = []
    if programme != transferred:
        wrong.append(f"the programme's accounts hold {programme}, the transfers come to {transferred}")
    return Check("sum over all accounts", 0, sum(evidence.stored_wallets.values()) + programme, wrong)


def balances(expectation: Expectation, evidence: Evidence) -> Check:
    """The balance each wallet ends with: by the file, its last transaction, its transfers, its stored row."""
    right, wrong = 0, []
    for wallet, settled in evidence.settled.items():
        customer = evidence.customer_of[wallet]
        if is_probe(customer):
            continue
        due = expectation.balances.get(customer, 0)
        due -= names.REWARD_POINTS if customer in expectation.redeemers else 0
        if settled == due == evidence.moved[wallet] == evidence.stored_wallets.get(wallet):
            right += 1
        else:
            stored = evidence.stored_wallets.get(wallet)
            wrong.append(
                f"{customer}: balance {settled}, transfers {evidence.moved[wallet]}, stored {stored}, due {due}"
            )
    return Check("wallets whose balance is right", len(expectation.balances), right, wrong[:TOLD])


def disorder(notices: Iterable[Notice]) -> tuple[int, list[str]]:
    """A wallet's awards arrive in its order, and so do its spends; the two come over different topics."""
    last: dict[tuple[bool, str], int] = {}
    wrong = []
    for notice in notices:
        lane = (notice.kind == names.NOTICE_SPENT, notice.customer)
        if notice.sequence <= last.get(lane, 0):
            wrong.append(f"{notice.customer}: {notice.sequence} after {last[lane]}")
        last[lane] = notice.sequence
    return len(wrong), wrong[:TOLD]
