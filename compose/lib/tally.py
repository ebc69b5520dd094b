"""Counts the tests of one run: tally.py EVENTS EXIT-CODE BROKEN-STEPS, from the event stream of `swift test`.
Prints what failed and what was found there, then the line `N passed, N failed, N skipped`, and exits with 1 if
anything failed.

A test that began and did not end took the process down with it; one that never began was kept from running.
Both have failed, and so has a run whose exit code says so though every test ended well. So has each step
before the tests that broke, such as the build, and a run without any test."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

# Of each failure, so that the end of a log shows all of them: the first issues, and of each the first characters.
ISSUES = 3
ISSUE_CHARACTERS = 600


class Tally(NamedTuple):
    passed: int
    skipped: int
    # What is to be said about each failure.
    failures: list[str]


def tally(lines: list[str], exit_code: int, broken_steps: int) -> Tally:
    names: dict[str, str] = {}
    began: set[str] = set()
    skipped: set[str] = set()
    ended: dict[str, bool] = {}
    issues: dict[str, list[str]] = {}
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # The last line of a process that crashed may be cut short.
        payload = record["payload"]
        if record["kind"] == "test" and payload["kind"] == "function":
            names[payload["id"]] = payload.get("displayName") or payload["name"]
        elif record["kind"] == "event":
            test, kind = payload.get("testID"), payload["kind"]
            if kind == "testStarted":
                began.add(test)
            elif kind == "issueRecorded":
                found = " ".join(message.get("text", "") for message in payload["messages"])
                issues.setdefault(test, []).append(f"\n  {found[:ISSUE_CHARACTERS]}")
            elif kind == "testSkipped":
                skipped.add(test)
            elif kind == "testEnded":
                ended[test] = all(message["symbol"] != "fail" for message in payload["messages"])
    failed = [test for test in names if ended.get(test) is False]
    failures = [f"failed: {names[test]}{''.join(issues.get(test, [])[:ISSUES])}" for test in failed]
    lost = [test for test in names if test not in ended and test not in skipped]
    failures += [f"{'did not end' if test in began else 'did not run'}: {names[test]}" for test in lost]
    if exit_code != 0 and not failures and broken_steps == 0:
        failures.append(f"the test process ended with code {exit_code}")
    if not names and not failures and broken_steps == 0:
        failures.append("no test ran")
    failures += ["a step before the tests"] * broken_steps
    return Tally(
        sum(1 for test in names if ended.get(test)), sum(1 for test in names if test in skipped), failures
    )


def main() -> int:
    file, exit_code, broken_steps = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    result = tally(lines, exit_code, broken_steps)
    print()
    if result.failures:
        print("what failed:")
    for failure in result.failures:
        print(failure)
    print(f"{result.passed} passed, {len(result.failures)} failed, {result.skipped} skipped")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
