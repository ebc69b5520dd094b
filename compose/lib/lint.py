"""Rules that the compiler does not check: lint.py ROOT. Prints each breach as path:line: rule, and exits with
1 if there is one. Looks at what git knows of, and at what it would add."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MAXIMUM_LINES = 500
# What ends the process belongs into the programs' outermost files.
ENDS_PROCESS = re.compile(r"\btry!|\bas!|(?<!func )(?<![\w.])fatalError\(")
# Folders that only one machine has. The sources must run anywhere.
MACHINE_PATH = re.compile(r"(?<![\w.~)}])/(?:work|root|home|Users)/\w")
# Where a Kafka may lie beside the clone is the business of one file.
NEIGHBOUR = re.compile(r"\.\./shared\b")
NEIGHBOUR_FILE = ".ci/run"
COMMENT = re.compile(r"(?<!:)//.*")
TEXT_KINDS = {".swift", ".md", ".py", ".sh", ".awk", ".json", ".yaml", ".yml", ".c", ".h", ".modulemap", ""}


def files(root: Path) -> list[Path]:
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True).stdout.decode().split("\0")
    return [Path(name) for name in names if name and (root / name).is_file()]


def breaches(path: Path, text: str) -> Iterator[tuple[int, str]]:
    lines = text.splitlines()
    if path.suffix == ".swift" and len(lines) > MAXIMUM_LINES:
        yield len(lines), f"more than {MAXIMUM_LINES} lines"
    for number, line in enumerate(lines, 1):
        if (
            path.suffix == ".swift"
            and "Main" not in path.parts
            and (found := ENDS_PROCESS.search(COMMENT.sub("", line)))
        ):
            yield number, f"{found.group()} outside Main"
        if found := MACHINE_PATH.search(line):
            yield number, f"a path of one machine: {line[found.start() :].split()[0]}"
        if str(path) != NEIGHBOUR_FILE and path.name != "lint.py" and NEIGHBOUR.search(line):
            yield number, "a folder beside the clone"


def main() -> int:
    root = Path(sys.argv[1])
    count = 0
    for path in files(root):
        if path.suffix not in TEXT_KINDS:
            continue
        for number, rule in breaches(path, (root / path).read_text(errors="replace")):
            print(f"{path}:{number}: {rule}")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
