"""What spool tests share: a signer without keys, a platform that remembers, and a way to be killed between two writes."""

import hashlib
import shutil
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from eucora_agent import spool_folder
from eucora_agent.problems import SpoolFull
from eucora_agent.spool import Spool
from eucora_agent.spool_head import Head, Make, Part, Pending
from eucora_agent.spool_tail import TAIL, Tail
from eucora_wire.clock import Boot
from eucora_wire.envelope import Envelope, format_digest
from eucora_wire.sequence import Items, Lost, Tombstone, format_items, format_lost, parse_items, parse_lost

BOOT = uuid.UUID("6b0c3f0e-2f63-4f0d-9d2b-0f6f0f1f2a3b")
DAY_MS = 86_400_000
MOST = 2**20


def boot(uptime_ms: int = 1_000, boot_id: uuid.UUID = BOOT) -> Boot:
    return Boot(boot_id, uptime_ms)


def opened(folder: Path, most: int = MOST, age_days: float = 28, at: Boot | None = None, keeps: Tail = TAIL) -> Spool:
    return Spool(folder, most, int(age_days * DAY_MS), at or boot(), keeps)


def signer(items: Items, bodies: tuple[bytes, ...], voids: int | None = None) -> Make:
    """Signs nothing, but says all that a seal says of order."""

    def make(head: Head, lost: tuple[Lost, ...]) -> tuple[Envelope, str]:
        headers = {
            "stream": str(head.stream),
            "sequence": str(head.sequence + 1),
            "items": format_items(items),
            "previous": head.previous,
            "lost": format_lost(lost),
            "voids": str(voids or ""),
        }
        envelope = Envelope(headers, b"|".join(bodies))
        return envelope, digest(envelope)

    return make


def sealer(pending: Pending) -> Make:
    return signer(pending.items, pending.bodies)


def digest(envelope: Envelope) -> str:
    told = msgspec.json.encode(envelope.headers) + hashlib.sha256(envelope.body).digest()
    return format_digest(hashlib.sha256(told).digest())


def seal_next(spool: Spool, most: int = 10) -> int | None:
    """Seal what waits first; its number."""
    pending: Pending | None = spool.pending(most)
    return None if pending is None else spool.seal(pending, signer(pending.items, pending.bodies))


def seal_all(spool: Spool, most: int = 10) -> list[int]:
    return list(iter(lambda: seal_next(spool, most), None))


def items_of(envelope: Envelope) -> Items:
    return parse_items(envelope.headers["items"])


def bodies_of(envelope: Envelope) -> list[bytes]:
    return envelope.body.split(b"|") if items_of(envelope).carried_count() else []


def lost_of(envelope: Envelope) -> tuple[Lost, ...]:
    return parse_lost(envelope.headers["lost"])


def place(envelope: Envelope) -> tuple[str, int]:
    return envelope.headers["stream"], int(envelope.headers["sequence"])


def halves(envelope: Envelope) -> list[Part]:
    """As `seal.halves` cuts."""
    items, bodies = items_of(envelope), bodies_of(envelope)
    middle = len(bodies) // 2
    border = items.carried()[middle] - 1
    parts = (within(items, items.first, border), within(items, border + 1, items.last))
    voids = int(envelope.headers["sequence"])
    cut = (tuple(bodies[:middle]), tuple(bodies[middle:]))
    return [Part(part, signer(part, half, voids)) for part, half in zip(parts, cut, strict=True)]


def again(envelope: Envelope) -> list[Part]:
    """As `seal.again` does."""
    return [Part(items_of(envelope), signer(items_of(envelope), tuple(bodies_of(envelope))))]


def within(items: Items, first: int, last: int) -> Items:
    gone = (Tombstone(max(t.first, first), min(t.last, last), t.reason) for t in items.gone)
    return Items(first, last, tuple(t for t in gone if t.first <= t.last))


class Killed(BaseException):
    """The process is gone. What the disk held then lies in the folder named."""


@contextmanager
def killed_at(spool: Spool, point: int, copy: Path, watch: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Raises Killed at the n-th point between two writes to the disk; `copy` holds what was on it. `watch`: at each."""
    left = [point]

    def pass_by() -> None:
        watch()
        left[0] -= 1
        if left[0] == 0:
            shutil.copytree(spool.folder.path, copy)
            raise Killed

    def between(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            pass_by()
            result = real(*args)
            pass_by()
            return result

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in ("write", "give_back", "empty_log", "create"):
            patch.setattr(spool_folder, name, between(getattr(spool_folder, name)))
        patch.setattr(spool_folder.Folder, "_unlink", between(spool_folder.Folder._unlink))
        yield


def fill(spool: Spool, *sizes: int, rank: int = 2, mark: str = "a", uptime_ms: int = 1_000) -> list[bytes]:
    bodies = [f"{rank}/{spool.head.next_ordinal + n}.".encode().ljust(size, b"x") for n, size in enumerate(sizes)]
    for body in bodies:
        spool.append(body, mark, rank, boot(uptime_ms))
    return bodies


def batches(spool: Spool) -> list[Envelope]:
    found = [spool.batch(x.number) for x in spool.sealed()]
    return [e for e in found if e is not None]


def worth_of(spool: Spool) -> set[tuple[int, int]]:
    """(rank, ordinal) of each batch and each waiting item, as `fill` wrote them."""
    first = [bodies_of(e)[0] for e in batches(spool)] + [x.body for x, _ in spool._waiting()]
    return {(int(b[:1]), int(b[2:].partition(b".")[0])) for b in first}


def newest(folder: Path) -> Path:
    return max(folder.glob("*.db"))


def full_disk(db: sqlite3.Connection, steps: object) -> None:
    """As COMMIT answers when the disk is full."""
    raise SpoolFull
