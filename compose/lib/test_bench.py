"""The benchmark's purchases, figures and rows of history; what needs a broker is tried by the benchmark itself."""

from __future__ import annotations

import json
import unittest
from collections import Counter
from datetime import datetime, timezone

import metrics
from bench import history
from bench.workload import DAILY_POINTS, Workload, customer, due
from latency import percentile

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


class HistoryTests(unittest.TestCase):
    def test_a_row_has_every_column(self) -> None:
        head = {"time": "t", "commit": "c", "machine": "m, 2 cores", "purchases": 5}
        row = history.row({"head": head, "outcome": {"200": {"p50": {"median": 7.5}}}})
        self.assertEqual(len(row), len(history.COLUMNS))
        found = dict(zip(history.COLUMNS, row, strict=True))
        self.assertEqual(
            (found["outcome_p50_ms"], found["per_second"], found["machine"]), (7.5, "", "m; 2 cores")
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
