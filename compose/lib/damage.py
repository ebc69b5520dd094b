"""What can become of store files while their service is down: each kind takes a folder and a random source, and
says what it did. The files are a copy of the log, so none of it may be seen from outside."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

SUFFIXES = ("", "-wal", "-shm")
# Far apart, so that several pages are hit.
FLIPS = 64


def files(folder: Path) -> list[Path]:
    """Databases and their write-ahead logs; the third file of each is rebuilt whenever it is opened."""
    return [file for file in sorted(folder.glob("*.sqlite*")) if file.suffix != ".sqlite-shm"]


def some(rng: random.Random, among: list[Path]) -> list[Path]:
    return rng.sample(among, rng.randint(1, len(among))) if among else []


def delete(folder: Path, rng: random.Random) -> str:
    gone = some(rng, files(folder))
    for file in gone:
        file.unlink()
    return f"deleted {names_of(gone)}"


def truncate(folder: Path, rng: random.Random) -> str:
    cut = [file for file in some(rng, files(folder)) if file.stat().st_size]
    for file in cut:
        with file.open("r+b") as handle:
            handle.truncate(rng.randrange(file.stat().st_size))
    return f"truncated {names_of(cut)}"


def flip(folder: Path, rng: random.Random) -> str:
    hit = [file for file in some(rng, files(folder)) if file.stat().st_size]
    for file in hit:
        content = bytearray(file.read_bytes())
        for _ in range(rng.choice((1, FLIPS))):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        file.write_bytes(content)
    return f"flipped bits in {names_of(hit)}"


def swap(folder: Path, rng: random.Random) -> str:
    stores = sorted(folder.glob("*.sqlite"))
    if len(stores) < 2:
        return "nothing to swap"
    one, other = rng.sample(stores, 2)
    for suffix in SUFFIXES:
        first, second = Path(f"{one}{suffix}"), Path(f"{other}{suffix}")
        aside = folder / "aside"
        for source, target in ((first, aside), (second, first), (aside, second)):
            if source.exists():
                source.replace(target)
    return f"swapped {one.name} and {other.name}"


def put_back(copy: Path, folder: Path) -> str:
    """An older copy instead of what is there."""
    for file in folder.glob("*.sqlite*"):
        file.unlink()
    for file in copy.iterdir():
        shutil.copyfile(file, folder / file.name)
    return "replaced by an older copy"


def names_of(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths) or "nothing"


KINDS: dict[str, Callable[[Path, random.Random], str]] = {
    "store-deleted": delete,
    "store-truncated": truncate,
    "store-flipped": flip,
    "store-swapped": swap,
}
