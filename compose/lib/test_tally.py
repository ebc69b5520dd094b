"""The count of tests tells a crash and an empty run from success."""

import json
import unittest

from tally import ISSUE_CHARACTERS, tally


def test(name: str) -> str:
    return json.dumps({"kind": "test", "payload": {"kind": "function", "id": name, "name": name}})


def event(kind: str, name: str, symbol: str = "pass", text: str = "") -> str:
    messages = [{"symbol": symbol, "text": text}]
    return json.dumps({"kind": "event", "payload": {"kind": kind, "testID": name, "messages": messages}})


class TallyTests(unittest.TestCase):
    def test_passed_failed_and_skipped_are_told_apart(self) -> None:
        lines = [
            test("a"),
            test("b"),
            test("c"),
            event("testStarted", "a"),
            event("testEnded", "a"),
            event("testStarted", "b"),
            event("testEnded", "b", "fail"),
            event("testSkipped", "c"),
        ]
        self.assertEqual(tally(lines, 1, 0), (1, 1, ["failed: b"]))

    def test_a_failure_says_what_was_found_in_few_lines(self) -> None:
        lines = [test("a"), event("testStarted", "a")]
        lines += [event("issueRecorded", "a", "fail", text) for text in ("x" * 10_000, "two", "three", "four")]
        lines.append(event("testEnded", "a", "fail"))
        (failure,) = tally(lines, 1, 0).failures
        self.assertEqual(failure, f"failed: a\n  {'x' * ISSUE_CHARACTERS}\n  two\n  three")

    def test_what_a_crash_cut_short_or_kept_from_running_has_failed(self) -> None:
        lines = [
            test("a"),
            test("b"),
            test("c"),
            event("testStarted", "a"),
            event("testEnded", "a"),
            event("testStarted", "b"),
            '{"kind":"ev',
        ]
        self.assertEqual(tally(lines, 1, 0), (1, 0, ["did not end: b", "did not run: c"]))

    def test_a_run_without_tests_and_a_broken_step_have_failed(self) -> None:
        self.assertEqual(len(tally([], 0, 0).failures), 1)
        self.assertEqual(len(tally([], 1, 2).failures), 2)

    def test_an_exit_code_counts_though_every_test_ended_well(self) -> None:
        self.assertEqual(len(tally([test("a"), event("testEnded", "a")], 1, 0).failures), 1)


if __name__ == "__main__":
    unittest.main()
