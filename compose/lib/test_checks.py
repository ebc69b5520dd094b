"""The checks see each kind of fault that the platform could have. One small run that is right, and one fault
at a time."""

from __future__ import annotations

import json
import unittest
from typing import Any

import names
from checks import all_checks
from evidence import Evidence
from expectation import Expectation, Purchase
from topics import Record


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


class Run:
    """Two customers and three purchases; one redeems, the other cannot."""

    def __init__(self) -> None:
        self.expectation = Expectation(
            {"f:2": Purchase("00001", 110), "f:3": Purchase("00002", 0), "f:4": Purchase("00002", 7)}
        )
        self.topics: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = {
            names.CUSTOMER_EVENTS: [
                self.event("f:2", "e2"),
                self.event("f:3", "e3"),
                self.event("f:4", "e4"),
            ],
            names.AWARDS: [
                self.award("e2", "00001", 110),
                self.award("e3", "00002", 0),
                self.award("e4", "00002", 7),
            ],
            names.TRANSACTIONS: [
                self.transaction("00001", 1, "wallet.opened"),
                self.transaction("00001", 2, "awarded", 110, 110),
                self.transaction("00001", 3, "hold.committed", 10, -100),
                self.transaction("00002", 1, "wallet.opened"),
                self.transaction("00002", 2, "awarded"),
                self.transaction("00002", 3, "awarded", 7, 7),
            ],
            names.SPENDS: [({}, {"spend": "s1", "externalId": "00001", "points": 100})],
            names.REWARDS: [
                ({names.HEADER_TYPE: names.REWARD_ISSUED}, {"issuance": "i1", "externalId": "00001"}),
                (
                    {names.HEADER_TYPE: names.REWARD_REFUSED},
                    {"issuance": "i2", "externalId": "00002", "reason": names.SHORT_BALANCE},
                ),
            ],
        }
        # Older rows first, as on the topic; each partition has its own programme accounts.
        self.rows: list[tuple[int, list[str], list[Any]]] = [
            (0, ["account", "w00001", "points"], ["w00001", "points", 110, 0, 0, 2]),
            (0, ["account", "w00001", "points"], ["w00001", "points", 10, 0, 0, 3]),
            (0, ["programme_account", "points", "issued"], ["points", "issued", -110]),
            (0, ["programme_account", "points", "redeemed"], ["points", "redeemed", 100]),
            (1, ["account", "w00002", "points"], ["w00002", "points", 7, 0, 0, 3]),
            (1, ["programme_account", "points", "issued"], ["points", "issued", -7]),
        ]
        self.notices = [
            "n1\tpoints.awarded\te2\t00001\t2\n",
            "n2\tpoints.not-awarded\te3\t00002\t2\n",
            "n3\tpoints.awarded\te4\t00002\t3\n",
            "n4\tpoints.spent\ts1\t00001\t3\n",
        ]
        self.redeemed = {"issuances": {"00001": "i1"}, "problems": []}
        self.repeats = 3
        self.invalid = 0

    @staticmethod
    def event(key: str, event: str) -> tuple[dict[str, str], dict[str, Any]]:
        return {names.HEADER_KEY: key, names.HEADER_ID: event, names.HEADER_TYPE: names.PURCHASE}, {}

    @staticmethod
    def award(event: str, customer: str, points: int) -> tuple[dict[str, str], dict[str, Any]]:
        outcome = {"outcome": "awarded"} if points else {"outcome": "nothing", "reason": "no-offer-fired"}
        return {}, {"event": event, "externalId": customer, "points": points} | outcome

    @staticmethod
    def transaction(
        customer: str, sequence: int, kind: str, settled: int = 0, moved: int = 0
    ) -> tuple[dict[str, str], dict[str, Any]]:
        debit, credit = ("issued", "wallet") if moved > 0 else ("wallet", "redeemed")
        transfers = [{"debit": debit, "credit": credit, "points": abs(moved)}] if moved else []
        return {}, {
            "wallet": f"w{customer}",
            "externalId": customer,
            "sequence": sequence,
            "type": kind,
            "outcome": "applied",
            "balances": {"settled": settled},
            "transfers": transfers,
        }

    def read(self, noun: str) -> list[Record]:
        if noun == names.changelog(names.LEDGER):
            return [Record(at, 0, 0, compact(key), {}, compact(row).encode()) for at, key, row in self.rows]
        return [
            Record(0, offset, 0, "", headers, compact(body).encode())
            for offset, (headers, body) in enumerate(self.topics.get(noun, []))
        ]

    def evidence(self) -> Evidence:
        return Evidence(self.read, self.notices)

    def wrong(self) -> set[str]:
        """The checks that fail."""
        checks = all_checks(self.expectation, self.evidence(), self.repeats, self.redeemed, self.invalid)
        return {name for name, check in checks.items() if not check.ok}


class CheckTests(unittest.TestCase):
    def setUp(self) -> None:
        self.run_ = Run()

    def expect(self, *wrong: str) -> None:
        self.assertEqual(self.run_.wrong(), set(wrong))

    def test_a_right_run_passes(self) -> None:
        self.expect()

    def test_a_purchase_awarded_twice(self) -> None:
        self.run_.topics[names.AWARDS].append(Run.award("e2", "00001", 110))
        self.expect("purchases", "pointsAwarded", "webhooksVerified")

    def test_a_lost_purchase_that_another_one_makes_up_for(self) -> None:
        del self.run_.topics[names.AWARDS][2]
        self.run_.topics[names.AWARDS].append(Run.award("e9", "00002", 7))
        self.expect("purchases", "webhooksVerified")

    def test_points_of_one_customer_given_to_another(self) -> None:
        self.run_.topics[names.AWARDS][2] = Run.award("e4", "00001", 7)
        self.expect("purchases")

    def test_a_key_that_became_two_events(self) -> None:
        self.run_.topics[names.CUSTOMER_EVENTS].append(Run.event("f:2", "e9"))
        self.expect("purchases")

    def test_an_award_of_nothing_without_a_reason(self) -> None:
        del self.run_.topics[names.AWARDS][1][1]["reason"]
        self.expect("zeroAwards")

    def test_a_gap_in_a_wallets_sequence(self) -> None:
        self.run_.topics[names.TRANSACTIONS][5][1]["sequence"] = 4
        self.expect("gaps")

    def test_a_wallet_opened_twice(self) -> None:
        self.run_.topics[names.TRANSACTIONS].append(Run.transaction("00002", 4, "wallet.opened", 7))
        self.expect("wallets")

    def test_a_balance_that_its_transfers_do_not_explain(self) -> None:
        self.run_.topics[names.TRANSACTIONS][5][1]["balances"]["settled"] = 8
        self.expect("balances")

    def test_a_stored_balance_that_went_astray(self) -> None:
        self.run_.rows[4][2][names.BALANCE_COLUMN] = 8
        self.expect("balances", "ledgerSum")

    def test_a_programme_account_that_went_astray(self) -> None:
        self.run_.rows[5][2][names.BALANCE_COLUMN] = -8
        self.expect("ledgerSum")

    def test_a_reward_issued_twice(self) -> None:
        self.run_.topics[names.REWARDS].append(self.run_.topics[names.REWARDS][0])
        self.expect("rewardsIssued")

    def test_a_spend_too_many(self) -> None:
        self.run_.topics[names.SPENDS].append(({}, {"spend": "s2", "externalId": "00001", "points": 100}))
        self.expect("pointsSpent", "webhooksVerified")

    def test_a_refusal_for_another_reason(self) -> None:
        self.run_.topics[names.REWARDS][1][1]["reason"] = "unknown-reward"
        self.expect("refusals")

    def test_a_webhook_that_never_came(self) -> None:
        del self.run_.notices[1]
        self.expect("webhooksVerified")

    def test_a_post_without_a_signature(self) -> None:
        self.run_.invalid = 1
        self.expect("webhooksVerified")

    def test_webhooks_of_a_wallet_out_of_order(self) -> None:
        self.run_.notices[1:3] = reversed(self.run_.notices[1:3])
        self.expect("order")

    def test_a_dead_letter_and_a_missed_repeat(self) -> None:
        self.run_.topics[names.dead_letters("notifier")] = [({}, {})]
        self.run_.repeats = 2
        self.expect("deadLetters", "repeats")


if __name__ == "__main__":
    unittest.main()
