"""Reads the operator ports: Prometheus text as numbers. Used by progress, table and the benchmark."""

from __future__ import annotations

import re
import urllib.request

import names
from run_folder import RunFolder

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]
_LINE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_SECONDS = 5


def parse(text: str) -> Series:
    series: Series = {}
    for line in text.splitlines():
        if match := _LINE.match(line):
            name, labels, value = match.groups()
            series[name, frozenset(_LABEL.findall(labels or ""))] = float(value)
    return series


def total(series: Series, name: str, **labels: str) -> float:
    """The sum of all series of that name that have these labels."""
    wanted = set(labels.items())
    return sum(value for (each, found), value in series.items() if each == name and wanted <= found)


def quantile(series: Series, name: str, share: float, **labels: str) -> float:
    """The upper bound of the bucket that holds it, of a histogram; 0 if nothing was observed."""
    wanted = set(labels.items())
    buckets = sorted(
        (float(dict(found)["le"]), value)
        for (each, found), value in series.items()
        if each == f"{name}_bucket" and wanted <= found
    )
    observed = buckets[-1][1] if buckets else 0
    return next((bound for bound, count in buckets if observed and count >= share * observed), 0.0)


def scrape(run: RunFolder, service: str) -> Series:
    with urllib.request.urlopen(run.operator_url(service) + "/metrics", timeout=_SECONDS) as answer:
        return parse(answer.read().decode())


def intake(series: Series, outcome: str) -> int:
    return int(total(series, names.INTAKE, outcome=outcome))


def records(series: Series) -> int:
    return int(total(series, names.RECORDS_PROCESSED))
