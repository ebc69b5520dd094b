"""What a purchase costs the gateway, the evaluator and the ledger in instructions, without Kafka: counted by callgrind,
so that two runs of one program agree whatever else the machine does. A change of a tenth of a percent can be seen."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from .awards import Inexact
from .rig import Setup
from .workload import CONFIGURATION, Workload

STAGES = ("ingress-gateway", "rule-evaluator", "wallet-ledger")
# So that a wallet has several purchases, as it has in the other sections.
PURCHASES_A_WALLET = 3
AWARDS = re.compile(r"^awards (\d+)$", re.MULTILINE)
COUNTED = re.compile(r"Collected : (\d+)")


def measure(setup: Setup, workload: Workload) -> dict[str, Any]:
    """Thousand instructions a purchase, as the difference that a stage more makes."""
    folder = setup.run.path / "instructions"
    folder.mkdir()
    prepare(folder, workload)
    totals = [count(setup, folder, stages, workload.purchases) for stages in range(len(STAGES) + 1)]
    costs = [(after - before) / workload.purchases / 1_000 for before, after in zip(totals, totals[1:], strict=False)]
    figures = {name: round(cost, 1) for name, cost in zip(STAGES, costs, strict=True)}
    return {"thousand instructions": figures | {"together": round(sum(costs), 1)}}


def prepare(folder: Path, workload: Workload) -> None:
    """Files of lines: key, tab, JSON."""
    with (folder / "purchases").open("wb") as file:
        file.writelines(b"%s\t%s\n" % (one.key.encode(), one.body) for one in workload.with_repeats())
    with (folder / "configuration").open("w") as file:
        file.writelines(
            f"{document['kind']}/{document['id']}\t{json.dumps(document)}\n" for document in CONFIGURATION
        )


def count(setup: Setup, folder: Path, stages: int, purchases: int) -> int:
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/stages-{stages}.callgrind"]
    command += [f"{setup.bin}/chain", str(folder / "configuration"), str(folder / "purchases")]
    command += [str(stages), str(folder / f"stores-{stages}")]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    collected = COUNTED.search(found.stderr)
    if collected is None:
        raise RuntimeError(f"valgrind says {found.stderr}")
    awards = AWARDS.search(found.stdout)
    if stages == len(STAGES) and (awards is None or int(awards.group(1)) != purchases):
        raise Inexact(f"of {purchases} purchases came {awards.group() if awards else found.stdout}")
    return int(collected.group(1))
