"""Shows how far the platform is, and ends when nothing is left to do: progress.py RUN PUBLISHED PURCHASES
NOTICES. Reads the operator ports and the webhook receiver. Fails if a process ends, or if nothing moves any
more."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from typing import NamedTuple

import metrics
import names
from run_folder import RunFolder

POLL_SECONDS = 0.25
LINE_SECONDS = 2.0
# Longer than any time-out of the platform after which it goes on by itself.
STALL_SECONDS = 90


class Standing(NamedTuple):
    taken: int
    repeats: int
    awarded: int
    notices: int

    @property
    def arrived(self) -> int:
        return self.taken + self.repeats


def look(run: RunFolder) -> Standing:
    gateway = metrics.scrape(run, "ingress-gateway")
    ledger = metrics.scrape(run, "wallet-ledger")
    with urllib.request.urlopen(f"http://127.0.0.1:{run.receiver_port()}/figures", timeout=5) as answer:
        figures = json.load(answer)
    return Standing(
        metrics.intake(gateway, names.INTAKE_ACCEPTED),
        metrics.intake(gateway, names.INTAKE_REPEAT),
        metrics.records(ledger),
        figures["verified"],
    )


class Display:
    def __init__(self, published: int, standing: Standing) -> None:
        self.published = published
        self.start = self.shown_at = time.monotonic()
        self.shown = standing

    def show(self, now: float, standing: Standing) -> None:
        rate = (standing.awarded - self.shown.awarded) / max(now - self.shown_at, POLL_SECONDS)
        print(
            f"  {now - self.start:5.1f} s  in {standing.arrived:,} of {self.published:,}"
            f" ({standing.repeats:,} repeats)"
            f"  awards {standing.awarded:,}  {rate:,.0f}/s  lag {max(0, standing.taken - standing.awarded):,}"
            f"  webhooks {standing.notices:,}",
            flush=True,
        )
        self.shown, self.shown_at = standing, now


def follow(run: RunFolder, published: int, purchases: int, notices: int) -> int:
    last, moved_at = look(run), time.monotonic()
    display = Display(published, last)
    while True:
        if problem := trouble(run):
            print(problem, file=sys.stderr)
            return 1
        now, standing = time.monotonic(), look(run)
        if standing != last:
            last, moved_at = standing, now
        is_done = (
            standing.arrived >= published and standing.awarded >= purchases and standing.notices >= notices
        )
        if is_done or now - display.shown_at >= LINE_SECONDS:
            display.show(now, standing)
        if is_done:
            return 0
        if now - moved_at > STALL_SECONDS:
            print(f"nothing has moved for {STALL_SECONDS} s", file=sys.stderr)
            return 1
        time.sleep(POLL_SECONDS)


def trouble(run: RunFolder) -> str | None:
    if ended := run.ended_processes():
        return f"ended unexpectedly: {', '.join(ended)}; see {run.path}/logs"
    if (run.path / "feed-failed").exists():
        return f"kcat could not publish everything; see {run.path}/logs/feed.log"
    return None


if __name__ == "__main__":
    sys.exit(follow(RunFolder(sys.argv[1]), *map(int, sys.argv[2:5])))
