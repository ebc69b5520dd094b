"""What has to come out, computed from what expected.awk says of the data file and from nothing else."""

from __future__ import annotations

from typing import NamedTuple

import names
from run_folder import RunFolder

REPEATED_LINES = 1_000


class Purchase(NamedTuple):
    customer: str
    points: int


class Expectation:
    def __init__(self, purchases: dict[str, Purchase]) -> None:
        self.purchases = purchases
        self.balances: dict[str, int] = {}
        for purchase in purchases.values():
            self.balances[purchase.customer] = self.balances.get(purchase.customer, 0) + purchase.points
        rich = [who for who, points in self.balances.items() if points >= names.REWARD_POINTS]
        poor = [who for who, points in self.balances.items() if 0 < points < names.REWARD_POINTS]
        # Spread over the file, so that every partition has some of them.
        self.redeemers = rich[:: max(1, len(rich) // names.REDEMPTIONS)][: names.REDEMPTIONS]
        self.short = poor[len(poor) // 2 :][:1]

    @staticmethod
    def load(run: RunFolder) -> Expectation:
        purchases = {}
        for line in (run.path / "expected.tsv").read_text().splitlines():
            key, customer, points = line.split("\t")
            purchases[key] = Purchase(customer, int(points))
        return Expectation(purchases)

    @property
    def repeats(self) -> int:
        return min(REPEATED_LINES, len(self.purchases))

    @property
    def points(self) -> int:
        return sum(self.balances.values())

    @property
    def zero_awards(self) -> int:
        return sum(1 for purchase in self.purchases.values() if purchase.points == 0)
