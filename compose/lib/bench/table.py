"""The benchmark's tables. Prints; computes nothing."""

from __future__ import annotations

from typing import Any


def show_head(head: dict[str, Any]) -> None:
    for name, value in head.items():
        print(f"  {name:12} {value}")


def show(section: str, figures: Any) -> None:
    shows = {
        "throughput": show_chain,
        "million": show_chain,
        "alone": show_spreads,
        "latency": show_spreads,
        "outcome": show_spreads,
        "door": show_spreads,
        "profile": show_profile,
    }
    shows.get(section, show_anything)(figures)


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
    print(f"  CPU us a purchase, broker included:    {text(figures['cpuMicroseconds'])}")
    last = figures["runs"][-1]
    print(f"  {'(last run)':20}{'CPU us':>9}{'peak MB':>9}{'read':>7}{'written':>9}{'batches':>9}{'a batch':>9}")
    for name, one in last["services"].items():
        cells = [
            f"{one.get(column, ''):>{width}}"
            for column, width in (
                ("cpuMicroseconds", 9),
                ("megabytes", 9),
                ("records", 7),
                ("written", 9),
                ("batches", 9),
                ("recordsPerBatch", 9),
            )
        ]
        print(f"  {name:20}{''.join(cells)}")
    print("  bytes a purchase: " + ", ".join(f"{noun} {size}" for noun, size in last["topics"].items()))


def show_spreads(figures: dict[str, Any]) -> None:
    columns = list(next(iter(figures.values())))
    wide = max(len(text(one[column])) for one in figures.values() for column in columns)
    print(f"  {'':18}" + "".join(f"{column:>{max(wide, len(column)) + 2}}" for column in columns))
    for name, one in figures.items():
        print(f"  {name:18}" + "".join(f"{text(one[column]):>{max(wide, len(column)) + 2}}" for column in columns))


def show_profile(figures: dict[str, Any]) -> None:
    kinds = sorted({kind for one in figures.values() for kind in one["percent"]})
    print(f"  {'% of samples':24}" + "".join(f"{name:>17}" for name in figures))
    for kind in kinds:
        print(f"  {kind:24}" + "".join(f"{one['percent'].get(kind, 0):>17}" for one in figures.values()))
    for name, one in figures.items():
        print(f"  {name}: " + "; ".join(f"{symbol[:70]} {share}" for symbol, share in one["symbols"].items()))


def show_anything(figures: Any) -> None:
    for name, value in figures.items() if isinstance(figures, dict) else enumerate(figures):
        print(f"  {name}: {value}")
