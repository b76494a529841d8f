"""Counts what of the seed is proved by a test and what is owed. `python -m docs.seed` prints it.

`seed.md` is the specification as it was given; `seed.toml` is the ledger, one entry for each of its items.
"""

import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from docs.specification import Item

ROOT = Path(__file__).resolve().parents[1]
SPECIFICATION = ROOT / "docs" / "seed.md"
LEDGER = ROOT / "docs" / "seed.toml"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger says of an item: the tests that prove it, or why it is owed."""

    item: Item
    proof: tuple[str, ...]
    owed: str


def entries(ledger: str) -> list[Entry]:
    """The entries of the ledger. Raises tomllib.TOMLDecodeError, KeyError."""
    return [
        Entry(Item(raw["at"], raw["text"]), _several(raw.get("proof", ())), raw.get("owed", ""))
        for raw in tomllib.loads(ledger)["item"]
    ]


def faults(asked: list[Item], told: list[Entry], root: Path) -> list[str]:
    """What is wrong with the ledger, a sentence each; empty when it is whole and true."""
    known = Counter(entry.item for entry in told)
    return [
        *(f"the seed asks for {item}, and the ledger has no entry" for item in asked if item not in known),
        *(f"the ledger has {item}, which the seed does not" for item in known if item not in set(asked)),
        *(f"{item} stands in the ledger {n} times" for item, n in known.items() if n > 1),
        *(fault for entry in told for fault in _faults_of(entry, root)),
    ]


def counts(told: list[Entry]) -> str:
    """The line that the README shows."""
    proved, owed = sum(bool(e.proof) for e in told), sum(bool(e.owed) for e in told)
    return f"{len(told)} items: {proved} proved, {owed} owed"


def _several(value: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _faults_of(entry: Entry, root: Path) -> Iterator[str]:
    if bool(entry.proof) == bool(entry.owed.strip()):
        yield f"{entry.item} needs either a proof or a word on what is owed"
    for proof in entry.proof:
        path, _, function = proof.partition("::")
        if function not in _tests_of(root / path):
            yield f"{entry.item} names {proof}, which is not a test"


@cache
def _tests_of(file: Path) -> frozenset[str]:
    if not file.is_file():
        return frozenset()
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    names = (node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(name for name in names if name.startswith("test_"))


def main() -> None:
    """Print the counts, then what is owed."""
    told = entries(LEDGER.read_text(encoding="utf-8"))
    print(counts(told))
    for entry in told:
        if entry.owed:
            print(f"  owed  {entry.item}: {entry.owed}")


if __name__ == "__main__":
    main()
