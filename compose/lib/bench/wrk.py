"""Runs wrk, an HTTP client that keeps connections busy, and reads what it says."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .awards import Inexact

CONNECTIONS = 128
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def wrk(url: str, lua: Path, seconds: int) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", str(lua), url]
    return figures(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def figures(text: str) -> dict[str, float]:
    """Requests that were answered, in all and a second, and milliseconds from sending to the answer."""
    if found := re.search(r"Non-2xx or 3xx responses: \d+|Socket errors: .*", text):
        raise Inexact(f"not every request was answered as it should be: {found.group()}")
    count = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    times = re.findall(r"(50|90|99)%\s+([\d.]+)(us|ms|s)", text)
    if count is None or rate is None or len(times) != 3:
        raise Inexact(f"wrk says {text}")
    found = {"perSecond": round(float(rate.group(1))), "count": int(count.group(1))} | {
        f"p{percent}": round(float(value) * UNITS[unit], 1) for percent, value, unit in times
    }
    # Only a script that paces its requests says so.
    if paced := re.search(r"(\d+) of (\d+) were late", text):
        found["latePercent"] = round(int(paced.group(1)) / max(1, int(paced.group(2))) * 100, 2)
    return found
