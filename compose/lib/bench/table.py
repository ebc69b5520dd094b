"""The benchmark's tables. Prints; computes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def show_head(head: dict[str, Any]) -> None:
    for name, value in head.items():
        print(f"  {name:12} {value}")


def show(section: str, figures: Any) -> None:
    shows: dict[str, Callable[[dict[str, Any]], None]] = {
        "throughput": show_chain,
        "million": show_chain,
        "profile": show_profile,
    }
    shows.get(section, show_spreads)(figures)


def text(value: Any) -> str:
    """A median and its spread, or a plain figure."""
    if isinstance(value, dict) and set(value) == {"median", "least", "most"}:
        if value["least"] == value["most"]:
            return number(value["median"])
        return f"{number(value['median'])} ({number(value['least'])}-{number(value['most'])})"
    return number(value) if isinstance(value, int | float) else str(value)


def number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) or value.is_integer() else f"{value:,.1f}"


def show_chain(figures: dict[str, Any]) -> None:
    print(f"  purchases/s, first award to last:      {text(figures['perSecond'])}")
    print(f"  purchases/s, start to last award:      {text(figures['perSecondFromStart'])}")
    print(f"  CPU us a purchase, broker included:    {text(figures['cpuMicroseconds'])}")
    if "perSecondLate" in figures:
        early, late = text(figures["perSecondEarly"]), text(figures["perSecondLate"])
        print(f"  second hundred thousand, and last:     {early}, {late}")
    show_spreads(figures["services"])
    topics = figures["runs"][-1]["topics"]
    print("  bytes a purchase, in the last run: " + ", ".join(f"{noun} {size}" for noun, size in topics.items()))


def show_spreads(figures: dict[str, Any]) -> None:
    columns = list(dict.fromkeys(column for one in figures.values() for column in one))
    cells = {name: [text(one.get(column, "")) for column in columns] for name, one in figures.items()}
    wide = [
        max(len(column), *(len(row[at]) for row in cells.values())) + 2 for at, column in enumerate(columns)
    ]
    for name, row in {"": columns, **cells}.items():
        print(f"  {name:24}" + "".join(f"{cell:>{width}}" for cell, width in zip(row, wide, strict=True)))


def show_profile(figures: dict[str, Any]) -> None:
    kinds = sorted({kind for one in figures.values() for kind in one["percent"]})
    print(f"  {'% of samples':24}" + "".join(f"{name:>17}" for name in figures))
    for kind in kinds:
        print(f"  {kind:24}" + "".join(f"{one['percent'].get(kind, 0):>17}" for one in figures.values()))
    for name, one in figures.items():
        print(f"  {name}: " + "; ".join(f"{symbol[:70]} {share}" for symbol, share in one["symbols"].items()))
