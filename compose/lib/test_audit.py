"""The audit sees each kind of loss and doubling that a fault could cause, and the files are really damaged. One
small run that is right, and one fault at a time."""

from __future__ import annotations

import json
import random
import tempfile
import unittest
from pathlib import Path

import audit
import damage
import names
from test_checks import Run

OFFER = audit.Offer({"award": {"kind": "perCurrencyUnit", "rounding": "floor", "pointsPerUnit": "1"}})


def places(run: Run, noun: str) -> dict[tuple[int, int], bytes]:
    return {(one.partition, one.offset): one.value for one in run.read(noun)}


class AuditTests(unittest.TestCase):
    def setUp(self) -> None:
        self.run_ = Run()
        refused = [one for headers, one in self.run_.topics[names.REWARDS] if "reason" in one]
        issued = [one for headers, one in self.run_.topics[names.REWARDS] if "reason" not in one]
        self.asked = [audit.Asked(one["issuance"], one["externalId"]) for one in issued + refused]
        self.seen = {noun: places(self.run_, noun) for noun in (names.AWARDS, names.SPENDS)}

    def expect(self, *wrong: str) -> None:
        evidence = self.run_.evidence()
        read = {noun: places(self.run_, noun) for noun in self.seen}
        found = audit.all_checks(
            self.run_.expectation, evidence, self.asked, self.seen, read, self.run_.invalid
        )
        names_found = {check.name for check in found if not check.ok}
        self.assertEqual(names_found, set(wrong), [check for check in found if not check.ok])

    def test_a_run_that_is_right(self) -> None:
        self.expect()

    def test_an_award_that_is_lost(self) -> None:
        del self.run_.topics[names.AWARDS][2]
        self.assertEqual(audit.losses(self.run_.expectation, self.run_.evidence()), audit.Losses(1, 0))

    def test_an_award_twice(self) -> None:
        self.run_.topics[names.AWARDS].append(self.run_.topics[names.AWARDS][0])
        self.assertEqual(audit.losses(self.run_.expectation, self.run_.evidence()), audit.Losses(0, 1))

    def test_an_award_that_was_shown_and_is_gone(self) -> None:
        self.seen[names.AWARDS][0, 99] = b"{}"
        self.expect("awards as kcat saw them all along")

    def test_a_spend_that_was_never_shown(self) -> None:
        self.seen[names.SPENDS].clear()
        self.expect("spends as kcat saw them all along")

    def test_a_redemption_that_nobody_decided(self) -> None:
        self.asked.append(audit.Asked("nowhere", "00001"))
        self.expect("redemptions decided, each once")

    def test_a_reward_that_nobody_asked_for(self) -> None:
        self.asked.pop()
        self.expect("redemptions decided, each once")

    def test_a_balance_that_a_replay_changed(self) -> None:
        self.assertFalse(audit.unchanged({"w": 7}, {"w": 14}).ok)
        self.assertFalse(audit.unchanged({"w": 7}, {}).ok)
        self.assertTrue(audit.unchanged({"w": 7}, {"w": 7, "new": 1}).ok)

    def test_points_are_those_of_the_offer(self) -> None:
        line = b" 00004 19970101  2   29.33\r"
        self.assertEqual(audit.purchase_of(line, OFFER), ("00004", 29))
        half = {"award": {"kind": "perCurrencyUnit", "rounding": "floor", "pointsPerUnit": "0.1"}}
        self.assertEqual(audit.Offer(half).points("29.99"), 2)
        with self.assertRaises(ValueError):
            audit.Offer({"award": half["award"] | {"rounding": "up"}})

    def test_percentiles(self) -> None:
        times = [float(number) for number in range(1, 201)]
        self.assertEqual(audit.figures(times), {"count": 200, "p50": 100.0, "p99": 198.0, "max": 200.0})


class DamageTests(unittest.TestCase):
    def test_every_kind_changes_what_lies_there(self) -> None:
        for kind, harm in damage.KINDS.items():
            with self.subTest(kind), tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                for number in range(3):
                    (folder / f"partition-{number}.sqlite").write_bytes(bytes([number]) * 4_096)
                    (folder / f"partition-{number}.sqlite-wal").write_bytes(bytes([number]) * 512)
                before = content(folder)
                said = harm(folder, random.Random(1))
                self.assertNotEqual(content(folder), before, said)

    def test_swapped_stores_keep_their_logs(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for number in range(2):
                (folder / f"partition-{number}.sqlite").write_text(str(number))
            (folder / "partition-1.sqlite-wal").write_text("log of 1")
            damage.swap(folder, random.Random(1))
            self.assertEqual(
                content(folder),
                {"partition-0.sqlite": b"1", "partition-1.sqlite": b"0", "partition-0.sqlite-wal": b"log of 1"},
            )

    def test_an_older_copy_leaves_nothing_newer(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder, copy = Path(name) / "now", Path(name) / "then"
            for each, text in ((folder, "new"), (copy, "old")):
                each.mkdir()
                (each / "partition-0.sqlite").write_text(text)
            (folder / "partition-0.sqlite-wal").write_text("newer")
            damage.put_back(copy, folder)
            self.assertEqual(content(folder), {"partition-0.sqlite": b"old"})


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


if __name__ == "__main__":
    unittest.main()
