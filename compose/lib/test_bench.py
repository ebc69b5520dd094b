"""The benchmark's purchases, figures and rows of history; what needs a broker is tried by the benchmark itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unittest
from collections import Counter
from datetime import datetime, timezone
from typing import Any

import metrics
from bench import history, wrk
from bench.awards import Awards, Inexact, check_answers, delays
from bench.workload import DAILY_POINTS, Workload, customer, due
from latency import percentile
from run_folder import birth, cpu_seconds

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=timezone.utc)


class WorkloadTests(unittest.TestCase):
    def test_a_seed_decides_everything(self) -> None:
        self.assertEqual(list(Workload(3, 200, 50, NOW)), list(Workload(3, 200, 50, NOW)))
        self.assertNotEqual(list(Workload(3, 200, 50, NOW)), list(Workload(4, 200, 50, NOW)))

    def test_a_purchase_is_what_it_says(self) -> None:
        purchases = list(Workload(1, 500, 100, NOW))
        sizes = [len(purchase.body) for purchase in purchases]
        self.assertTrue(600 < sum(sizes) / len(sizes) < 680, "about 640 bytes")
        self.assertEqual(len({purchase.occurred_at for purchase in purchases}), 500)
        for purchase in purchases:
            body = json.loads(purchase.body)
            cents = [round(float(line["total"]) * 100) for line in body["lines"]]
            self.assertEqual((len(cents), sum(cents)), (4, purchase.cents))
            self.assertLess(body["occurredAt"], "2026-11-21")

    def test_one_in_fifty_comes_twice(self) -> None:
        workload = Workload(1, 1_000, 100, NOW)
        keys = Counter(purchase.key for purchase in workload.with_repeats())
        self.assertEqual(Counter(keys.values()), {1: 980, 2: 20})
        self.assertEqual(sum(keys.values()), workload.published)

    def test_a_day_counts_once_however_many_loads_it_is_in(self) -> None:
        first, second = Workload(1, 300, 10, NOW), Workload(2, 300, 10, NOW)
        dollars = sum(purchase.cents // 100 for load in (first, second) for purchase in load)
        days = {(purchase.wallet, purchase.day) for load in (first, second) for purchase in load}
        found = due([*first, *second])
        self.assertEqual(found.awards, 600)
        self.assertEqual(sum(found.points.values()), dollars + DAILY_POINTS * len(days))
        self.assertEqual(set(found.points), {customer(wallet) for wallet, _ in days})


class CoveringTests(unittest.TestCase):
    def test_a_covering_load_comes_to_every_wallet_first(self) -> None:
        wallets = [purchase.wallet for purchase in Workload(1, 1_500, 1_000, NOW, covering=True)]
        self.assertEqual(sorted(wallets[:1_000]), list(range(1_000)))
        self.assertLess(len({one.wallet for one in Workload(1, 1_000, 1_000, NOW)}), 700)


class UsageTests(unittest.TestCase):
    def test_what_a_process_took_is_known_until_it_is_waited_for(self) -> None:
        spend = "import time\nwhile time.process_time() < 0.2: pass"
        with subprocess.Popen([sys.executable, "-c", spend]) as process:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            self.assertGreater(cpu_seconds(str(process.pid)), 0.1)
            self.assertIsNone(birth(str(process.pid)), "it has ended")


class AwardsTests(unittest.TestCase):
    """That what is not exact is noticed."""

    load = list(Workload(3, 40, 5, NOW))

    def bodies(self) -> list[dict[str, Any]]:
        """As the ledger would award them."""
        points: Counter[str] = Counter()
        sequences: Counter[str] = Counter()
        days: set[tuple[int, int]] = set()
        found: list[dict[str, Any]] = []
        for number, one in enumerate(self.load):
            who, day = customer(one.wallet), (one.wallet, one.day)
            awarded = one.cents // 100 + (0 if day in days else DAILY_POINTS)
            days.add(day)
            points[who] += awarded
            sequences[who] += 1
            found.append(
                {
                    "externalId": who,
                    "event": str(number),
                    "sequence": sequences[who],
                    "points": awarded,
                    "balances": {"settled": points[who]},
                    "occurredAt": one.occurred_at,
                }
            )
        return found

    def check(self, bodies: list[dict[str, Any]]) -> None:
        awards = Awards()
        for body in bodies:
            awards.take(json.dumps(body).encode(), 1.0)
        awards.check(self.load)

    def test_what_is_exact_passes(self) -> None:
        self.check(self.bodies())

    def test_what_is_not_is_told(self) -> None:
        def lost(bodies: list[dict[str, Any]]) -> None:
            del bodies[7]

        def doubled(bodies: list[dict[str, Any]]) -> None:
            bodies.append(bodies[7])

        def swapped(bodies: list[dict[str, Any]]) -> None:
            same = [at for at, one in enumerate(bodies) if one["externalId"] == bodies[0]["externalId"]]
            first, second = same[:2]
            bodies[first], bodies[second] = bodies[second], bodies[first]

        def a_point_more(bodies: list[dict[str, Any]]) -> None:
            bodies[7]["points"] += 1

        def a_balance_less(bodies: list[dict[str, Any]]) -> None:
            bodies[-1]["balances"]["settled"] -= 1

        def anothers(bodies: list[dict[str, Any]]) -> None:
            bodies.append(bodies[7] | {"event": "x", "externalId": "somebody", "sequence": 1})

        for spoil in (lost, doubled, swapped, a_point_more, a_balance_less, anothers):
            bodies = self.bodies()
            spoil(bodies)
            with self.subTest(spoil.__name__), self.assertRaises(Inexact):
                self.check(bodies)

    def test_an_answer_is_the_award_of_its_own_purchase(self) -> None:
        bodies = self.bodies()
        published = {body["event"]: body for body in bodies}
        answers = [json.dumps(body).encode() for body in bodies]
        check_answers(zip(self.load, answers, strict=True), published)
        others, unknown, wrong = [*answers], [*answers], [*answers]
        others[3], others[4] = answers[4], answers[3]
        unknown[3] = b'{"status":"pending"}'
        wrong[3] = json.dumps(bodies[3] | {"points": bodies[3]["points"] + 1}).encode()
        for spoilt in (others, unknown, wrong):
            with self.assertRaises(Inexact):
                check_answers(zip(self.load, spoilt, strict=True), published)

    def test_a_purchase_takes_from_when_it_was_due(self) -> None:
        load = Workload(3, 3, 5, NOW)
        arrivals = [
            b'%d\t{"occurredAt":"%s"}' % (1_000_000 + number * 500_000, one.occurred_at.encode())
            for number, one in enumerate(load)
        ]
        self.assertEqual(delays(load, 900_000, 4, arrivals), [0.1, 0.35, 0.6])
        for wrong, begun in ((arrivals[:2], 900_000), ([*arrivals[:2], arrivals[0]], 900_000), (arrivals, 1_000_001)):
            with self.assertRaises(Inexact):
                delays(load, begun, 4, wrong)


class WrkTests(unittest.TestCase):
    TEXT = """Running 15s test @ http://127.0.0.1:1/v1/events
  Latency Distribution
     50%  940.00us
     75%    6.00ms
     90%   11.09ms
     99%    1.02s
  255531 requests in 15.01s, 92.12MB read
Requests/sec:  17018.20
"""

    def test_what_it_says_is_read(self) -> None:
        expected = {"perSecond": 17_018, "count": 255_531, "p50": 0.9, "p90": 11.1, "p99": 1_020.0}
        self.assertEqual(wrk.figures(self.TEXT), expected)

    def test_requests_that_were_sent_late_are_told(self) -> None:
        self.assertEqual(wrk.figures(self.TEXT + "3 of 200 were late\n")["latePercent"], 1.5)
        self.assertEqual(wrk.figures(self.TEXT + "0 of 0 were late\n")["latePercent"], 0)

    def test_requests_without_their_answer_are_told(self) -> None:
        for line in ("  Non-2xx or 3xx responses: 3", "  Socket errors: connect 0, read 0, write 0, timeout 4"):
            with self.assertRaises(Inexact):
                wrk.figures(self.TEXT + line + "\n")
        with self.assertRaises(Inexact):
            wrk.figures("unable to connect")


class HistoryTests(unittest.TestCase):
    def test_a_row_has_every_column(self) -> None:
        head = {"time": "t", "commit": "c", "machine": "m, 2 cores", "purchases": 5}
        row = history.row({"head": head, "outcome": {"200": {"p50": {"median": 7.5}}}})
        self.assertEqual(len(row), len(history.COLUMNS))
        found = dict(zip(history.COLUMNS, row, strict=True))
        self.assertEqual(
            (found["outcome_p50_ms_at_200"], found["per_second"], found["machine"]), (7.5, "", "m; 2 cores")
        )


class FiguresTests(unittest.TestCase):
    def test_a_quantile_is_the_bound_of_its_bucket(self) -> None:
        buckets = {"1": 2, "5": 5, "20": 9, "+Inf": 10}
        text = "\n".join(
            f'size_bucket{{le="{bound}",service="s"}} {count}' for bound, count in buckets.items()
        )
        series = metrics.parse(text)
        found = [metrics.quantile(series, "size", share, service="s") for share in (0.1, 0.5, 0.51, 0.95)]
        self.assertEqual(found, [1, 5, 20, float("inf")])
        self.assertEqual(metrics.quantile(series, "size", 0.5, service="other"), 0)

    def test_percentiles_to_a_tenth(self) -> None:
        times = [float(number) for number in range(1, 2_001)]
        self.assertEqual(
            [percentile(times, one) for one in (50, 99, 99.9, 100)], [1_000, 1_980, 1_998, 2_000]
        )


if __name__ == "__main__":
    unittest.main()
