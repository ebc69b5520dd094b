"""The benchmark's purchases, and what each wallet is due for them. A seed decides everything, so that two programs
with the same seed agree on what is sent; knows nothing of the services.

A purchase is canonical JSON of about 640 bytes with four basket lines. Two offers answer it: a point for each whole
dollar, and five points for the first purchase of a wallet on a day (UTC). One purchase in fifty is published twice."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

SOURCE = "bench"
API_KEY = "bench-key"
REPEATED = 0.02
# Purchases are up to so many days old: within the source's window.
DAYS = 3
WINDOW_DAYS = 7
DAILY_POINTS = 5
# A prime: counted in steps of it, wallets come in no order that a store could profit from.
STRIDE = 611_953
SKUS = [
    f"department-{number % 90 + 10}/aisle-{number % 7}/{4_006_381_000_000 + 7 * number}"
    for number in range(2_000)
]
UNITS = [f"shop-{number:04}.example" for number in range(300)]


class Purchase(NamedTuple):
    key: str
    wallet: int
    cents: int
    day: int
    occurred_at: str
    body: bytes


def customer(wallet: int) -> str:
    return f"card-{4_000_000_000_000_000 + wallet}"


class Workload:
    def __init__(
        self,
        seed: int,
        purchases: int,
        wallets: int,
        now: datetime,
        repeats: float = REPEATED,
        covering: bool = False,
    ) -> None:
        """A covering one comes to every wallet before it comes to any again; else wallets are drawn, and of as many
        purchases as wallets a third of these has none."""
        self.seed = seed
        self.purchases = purchases
        self.wallets = wallets
        self.repeats = repeats
        self.covering = covering
        today = now.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        # Whole days before today: no purchase lies in the future, whatever the hour.
        self.dates = [(today - timedelta(days=day + 1)).strftime("%Y-%m-%d") for day in range(DAYS)]

    def __iter__(self) -> Iterator[Purchase]:
        """Each purchase once, in the order of publishing."""
        draw = random.Random(self.seed).random
        for number in range(self.purchases):
            wallet, day = int(draw() * self.wallets), int(draw() * DAYS)
            if self.covering and number < self.wallets:
                wallet = number * STRIDE % self.wallets
            lines, cents = [], 0
            for _ in range(4):
                quantity, net = 1 + int(draw() * 3), 50 + int(draw() * 3_000)
                vat = net * quantity // 10
                total = net * quantity + vat
                cents += total
                lines.append(
                    f'{{"sku":"{SKUS[int(draw() * len(SKUS))]}","quantity":{quantity},"netAmount":"{money(net)}",'
                    f'"vat":"{money(vat)}","total":"{money(total)}"}}'
                )
            # No two purchases of a workload happened at the same time: by it an award is told from another.
            second = number // 1_000 % 86_400
            time = f"{self.dates[day]}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{number % 1_000:03}Z"
            body = (
                f'{{"type":"purchase","state":"posted","externalId":"{customer(wallet)}",'
                f'"occurredAt":"{time}","unit":"{UNITS[wallet % len(UNITS)]}","currency":"USD",'
                f'"classification":"in-store","total":"{money(cents)}","lines":[{",".join(lines)}]}}'
            )
            key = f"{self.seed:x}-till-{number:08}"
            yield Purchase(key, wallet, cents, day, time, body.encode())

    def with_repeats(self) -> Iterator[Purchase]:
        """Every so many-th purchase comes again a little later, as a till repeats what it got no answer to."""
        step = round(1 / self.repeats) if self.repeats else 0
        waiting: list[Purchase] = []
        for number, purchase in enumerate(self):
            yield purchase
            if step and number % step == 0:
                waiting.append(purchase)
            if len(waiting) > 100:
                yield waiting.pop(0)
        yield from waiting

    @property
    def published(self) -> int:
        step = round(1 / self.repeats) if self.repeats else 0
        return self.purchases + (-(-self.purchases // step) if step else 0)


class Due(NamedTuple):
    """What has to come out for some purchases."""

    awards: int
    # Of each customer: whole dollars, and five for each day with a purchase.
    points: dict[str, int]


def due(purchases: Iterable[Purchase]) -> Due:
    awards = 0
    points: dict[str, int] = defaultdict(int)
    days: set[tuple[int, int]] = set()
    for purchase in purchases:
        awards += 1
        points[customer(purchase.wallet)] += purchase.cents // 100
        days.add((purchase.wallet, purchase.day))
    for wallet, _ in days:
        points[customer(wallet)] += DAILY_POINTS
    return Due(awards, points)


def money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


CONFIGURATION: list[dict[str, Any]] = [
    {"kind": "source", "id": SOURCE, "openWallets": True, "repeatWindowDays": WINDOW_DAYS},
    {
        "kind": "offer",
        "id": "one-per-dollar",
        "name": "One point per whole dollar",
        "eventTypes": ["purchase"],
        "award": {"kind": "perCurrencyUnit", "pointsPerUnit": "1", "currency": "USD", "rounding": "floor"},
    },
    {
        "kind": "offer",
        "id": "first-of-the-day",
        "name": "Five points for the first purchase of a day",
        "eventTypes": ["purchase"],
        "award": {"kind": "fixed", "points": DAILY_POINTS},
        "limit": {"times": 1, "period": "day"},
    },
]
