"""What really came out, read from the public topics and from the webhook receiver's notes. Reads and sorts;
judges nothing."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import names
from topics import Record

Read = Callable[[str], Iterable[Record]]


class Award(NamedTuple):
    event: str
    customer: str
    points: int
    outcome: str
    reason: str
    milliseconds: int


class Notice(NamedTuple):
    kind: str
    about: str
    customer: str
    sequence: int


def is_probe(name: str) -> bool:
    return name.startswith(names.PROBE)


class Evidence:
    """Everything of one run; what was sent to measure latency stays apart."""

    def __init__(self, read: Read, notices: Iterable[str]) -> None:
        self.events_by_key: dict[str, list[str]] = defaultdict(list)
        self.awards: list[Award] = []
        self.probe_awards: list[Award] = []
        self.spends: list[dict[str, Any]] = []
        self.issued: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.opened: Counter[str] = Counter()
        self.gaps: list[str] = []
        self.settled: dict[str, int] = {}
        self.customer_of: dict[str, str] = {}
        # Of each account: what entered it less what left it. Wallets' accounts under their ids.
        self.moved: Counter[str] = Counter()
        # The same as the ledger's stores have it: newest rows by partition and key.
        self.stored_wallets: dict[str, int] = {}
        self.stored_programme: dict[tuple[int, str], int] = {}
        self.notices = [read_notice(line) for line in notices]
        self.dead_letters: Counter[str] = Counter()
        self._read_events(read(names.CUSTOMER_EVENTS))
        self._read_awards(read(names.AWARDS))
        self._read_transactions(read(names.TRANSACTIONS))
        self._read_stores(read(names.changelog(names.LEDGER)))
        self.spends = [record.body() for record in read(names.SPENDS)]
        self._read_rewards(read(names.REWARDS))
        for service in names.SERVICES:
            self.dead_letters[service] = sum(1 for _ in read(names.dead_letters(service)))

    def _read_events(self, records: Iterable[Record]) -> None:
        for record in records:
            key = record.headers.get(names.HEADER_KEY, "")
            if record.headers.get(names.HEADER_TYPE) == names.PURCHASE and not is_probe(key):
                self.events_by_key[key].append(record.headers.get(names.HEADER_ID, ""))

    def _read_awards(self, records: Iterable[Record]) -> None:
        for record in records:
            body = record.body()
            award = Award(
                body["event"],
                body["externalId"],
                body["points"],
                body["outcome"],
                body.get("reason", ""),
                record.milliseconds,
            )
            (self.probe_awards if is_probe(award.customer) else self.awards).append(award)

    def _read_transactions(self, records: Iterable[Record]) -> None:
        sequences: Counter[str] = Counter()
        for record in records:
            body = record.body()
            wallet = body["wallet"]
            if body.get("refusal") == names.UNKNOWN_WALLET:
                continue  # There is no wallet whose history it could stand in.
            sequences[wallet] += 1
            if body.get("sequence") != sequences[wallet]:
                self.gaps.append(
                    f"{body['externalId']}: {body.get('sequence')} where {sequences[wallet]} is due"
                )
                sequences[wallet] = body.get("sequence") or sequences[wallet]
            if body["type"] == names.OPENED and body["outcome"] == names.APPLIED:
                self.opened[body["externalId"]] += 1
            self.customer_of[wallet] = body["externalId"]
            self.settled[wallet] = body["balances"]["settled"]
            for transfer in body.get("transfers", []):
                self.moved[wallet if transfer["debit"] == "wallet" else transfer["debit"]] -= transfer[
                    "points"
                ]
                self.moved[wallet if transfer["credit"] == "wallet" else transfer["credit"]] += transfer[
                    "points"
                ]

    def _read_stores(self, records: Iterable[Record]) -> None:
        newest: dict[tuple[int, str], bytes] = {}
        for record in records:
            if record.key.startswith((f'["{names.WALLET_ACCOUNT}"', f'["{names.PROGRAMME_ACCOUNT}"')):
                newest[record.partition, record.key] = record.value
        for (partition, key), value in newest.items():
            table, first, *_ = json.loads(key)
            # A row that was deleted has no value left.
            balance = json.loads(value)[names.BALANCE_COLUMN] if value else 0
            if table == names.WALLET_ACCOUNT:
                self.stored_wallets[first] = balance
            else:
                self.stored_programme[partition, key] = balance

    def _read_rewards(self, records: Iterable[Record]) -> None:
        for record in records:
            kind = record.headers.get(names.HEADER_TYPE)
            if kind == names.REWARD_ISSUED:
                self.issued.append(record.body())
            elif kind == names.REWARD_REFUSED:
                self.refused.append(record.body())


def read_notice(line: str) -> Notice:
    _, kind, about, customer, sequence = line.rstrip("\n").split("\t")
    return Notice(kind, about, customer, int(sequence or 0))
