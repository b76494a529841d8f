"""What is settled and still lies in the spool's files: sent again when the platform was set back, and lacks it.

A settled batch is one that no ledger names. It goes with its file, when that holds nothing else: nothing is written for it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eucora_agent import spool_sql as sql
from eucora_agent.spool_folder import Folder
from eucora_agent.spool_head import SENDABLE


@dataclass(frozen=True, slots=True)
class Tail:
    """How much of what is settled is kept, should the platform be set back: the last so long, of so many bytes."""

    most_ms: int = 48 * 3_600_000
    most_bytes: int = 20_000_000


TAIL = Tail()


MOST_ASKED = 2**16
"""Of one gap that an answer names, so much is looked for."""


def places(folder: Folder) -> list[tuple[Any, ...]]:
    """Rows of the ledger, as they would be, of every batch whose bytes are there, in the order of sealing."""
    return [(*row, file, SENDABLE, 0) for file, db in sorted(folder.files.items()) for row in db.execute(sql.PLACES)]


def rows(folder: Folder) -> list[tuple[Any, ...]]:
    """Those of what is settled."""
    there = {row[0] for row in folder.facts(sql.NUMBERS_IN_LEDGER)}
    return [row for row in places(folder) if row[0] not in there]


def lacking(
    folder: Folder, stream: uuid.UUID, lacks: Sequence[tuple[int, int]]
) -> tuple[list[tuple[Any, ...]], list[int]]:
    """Of the sequences first to last of a stream: what is settled and here, and those of which the ledger knows nothing."""
    known = {row[0] for row in folder.facts(sql.PLACES_IN_STREAM, str(stream))}
    wanted = {n for first, last in lacks for n in range(first, min(last, first + MOST_ASKED) + 1)} - known
    found = [row for row in rows(folder) if row[1] == str(stream) and row[2] in wanted] if wanted else []
    return found, sorted(wanted - {row[2] for row in found})


def files(folder: Folder) -> list[int]:
    """Older files that hold nothing but what is settled, oldest first."""
    needed = {row[0] for row in folder.facts(sql.LIVE_FILES)}
    done = (n for n in folder.older() if n not in needed)
    return [n for n in done if folder.files[n].execute(sql.ANY_ITEM).fetchone() is None]


def beyond(folder: Folder, keeps: Tail, now_ms: int) -> list[int]:
    """Those of them that are older, or beyond more bytes, than is kept. `now_ms` by the spool's own clock."""
    found, kept = list[int](), 0
    for n in reversed(files(folder)):
        kept += folder.size(n)
        row = folder.files[n].execute(sql.LAST_SEALED).fetchone()
        if kept > keeps.most_bytes or row is None or now_ms - row[0] > keeps.most_ms:
            found.append(n)
    return found
