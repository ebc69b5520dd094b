"""The data file is the published one, and what is expected of it and published from it is what stands in
it."""

import os
import subprocess
import unittest
from pathlib import Path

LIB = Path(__file__).resolve().parent
DATA = LIB.parent / "data" / "cdnow_master.txt"


class DataTests(unittest.TestCase):
    def test_the_expected_figures_are_the_published_ones(self) -> None:
        settings = os.environ | {"NAME": DATA.name, "LINES": "0"}
        result = subprocess.run(
            ["awk", "-f", str(LIB / "expected.awk"), str(DATA)],
            env=settings,
            capture_output=True,
            check=True,
            text=True,
        )
        rows = [line.split("\t") for line in result.stdout.splitlines()]
        points = [int(row[2]) for row in rows]
        figures = (len(rows), len({row[1] for row in rows}), sum(points), points.count(0))
        self.assertEqual(figures, (69_659, 23_570, 2_453_159, 80))
        self.assertEqual(len({row[0] for row in rows}), len(rows))

    def test_every_line_is_published_byte_for_byte(self) -> None:
        script = f'source "{LIB}/feed.sh"; keyed_lines "{DATA}" 0'
        result = subprocess.run(["bash", "-c", script], capture_output=True, check=True)
        lines = DATA.read_bytes().split(b"\n")
        due = [b"%s:%d\t%s" % (DATA.name.encode(), number, line) for number, line in enumerate(lines, 1)][1:]
        self.assertEqual(result.stdout.split(b"\n")[:-1], [one for one in due if not one.endswith(b"\t")])


if __name__ == "__main__":
    unittest.main()
