"""What the platform was, written down outside its database: one that was put back is known for it, and brings nobody back.

Two files in one folder. `journal.json`: installation, epoch, and the last position of every place, never ahead of the
database. `acts.jsonl`: erasures, persons forgotten, keys destroyed, devices revoked, a line each, as they are committed; at
most two seconds behind. A line that stands there twice is one act.
"""

import os
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
import structlog
from msgspec import Struct

from eucora import clock, secrets
from eucora.journal.founding import platform_of
from eucora.slice import Pool
from eucora.sql import load
from eucora.stores.postgres import translated

log = structlog.get_logger()
SQL = load(__file__, "witness.sql")

EVERY_S = 2.0
OVERLAP = timedelta(minutes=5)
"""How far back acts are looked for again: longer than a transaction that dates them may take to commit."""
JOURNAL, ACTS, SET_BACK = "journal.json", "acts.jsonl", "set-back"


class Act(Struct, frozen=True, omit_defaults=True):
    """Something that no restore may undo. `id`: the device, the subject, or the key's owner."""

    at: datetime
    act: Literal["erase", "forget", "destroy", "revoke"]
    id: uuid.UUID
    kind: str = ""
    since: datetime | None = None
    until: datetime | None = None
    whole: bool = False


class Seen(Struct, frozen=True):
    """Where the journal stood. `tips`: shard, lane, last position."""

    installation: uuid.UUID
    epoch: int
    tips: tuple[tuple[int, int, int], ...]


class Witness:
    """Keeps both files of a folder. Any number of processes may."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: set[Act] | None = None
        self._upto = clock.EPOCH

    async def keep(self, pool: Pool) -> None:
        """Write down what is new. A database that went back meanwhile is marked, and what was written stays."""
        now = clock.now()
        if self._known is None:
            self._known = set(acts(self.folder))
        with translated():
            found = [Act(**row) for row in await pool.fetch(SQL.acts, self._upto - OVERLAP)]
            there = await seen_in(pool)
        if new := [act for act in found if act not in self._known]:
            _append(self.folder / ACTS, new)
            self._known.update(new)
        self._upto = now
        if is_set_back(there, was := seen(self.folder)):
            log.error("database_set_back", mend="restart the platform: it begins a new epoch, and devices send again")
            secrets.write(self.folder / SET_BACK, b"")
        elif there != was:
            write(self.folder, there)


async def seen_in(pool: Pool) -> Seen:
    """Where the database says that the journal stands."""
    platform = await platform_of(pool)
    rows = await pool.fetch(SQL.tips)
    tips = tuple((row["shard"], lane, row[name]) for row in rows for lane, name in enumerate(("live", "replay")))
    return Seen(platform.installation, platform.epoch, tips)


def is_set_back(there: Seen, was: Seen | None) -> bool:
    """Whether a database is older than what was seen of it."""
    if was is None or was.installation != there.installation or there.epoch > was.epoch:
        return False
    ends = {(shard, lane): end for shard, lane, end in there.tips}
    return there.epoch < was.epoch or any(ends.get((shard, lane), 0) < end for shard, lane, end in was.tips)


def seen(folder: Path) -> Seen | None:
    """What was written last; None when nothing was, or it can't be read: then the next `keep` writes it."""
    try:
        return msgspec.json.decode((folder / JOURNAL).read_bytes(), type=Seen)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write(folder: Path, what: Seen) -> None:
    """Whole or not there, and synced."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    secrets.write(folder / JOURNAL, msgspec.json.encode(what))


def acts(folder: Path) -> Sequence[Act]:
    """In the order of the file, each once; a last line that a crash tore is not counted."""
    try:
        lines = (folder / ACTS).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return list(dict.fromkeys(_read(line for line in lines if line)))


def _read(lines: Iterable[bytes]) -> Iterable[Act]:
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=Act)
        except msgspec.DecodeError:
            log.warning("witness_line_unreadable", bytes=len(line))


def _append(path: Path, new: Sequence[Act]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        # A line that a crash tore ends here.
        file.write(b"\n" + b"".join(msgspec.json.encode(act) + b"\n" for act in new))
        file.flush()
        os.fsync(file.fileno())
