"""Is the trail whole? Recomputes every digest and link, and holds the signed heads against it; here, or offline."""

import asyncio
from collections.abc import Iterable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec import Struct

from eucora.domains.audit.chain import Walk, check
from eucora.domains.audit.heads import FOLDER, read_head
from eucora.domains.audit.read import trail
from eucora.domains.audit.records import Event, Fault, Head, Verdict
from eucora.slice import Pool
from eucora.stores.ports import Objects

AT_ONCE = 16


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One line of an export: one of the two."""

    event: Event | None = None
    head: Head | None = None


async def verify(pool: Pool, key: Ed25519PublicKey, objects: Objects | None = None) -> Verdict:
    """The verdict on the trail as it stands. With `objects`, the heads in the object store must fit it too."""
    stored, damaged = ([], []) if objects is None else await _stored(objects)
    walk = Walk(key)
    for head in stored:
        walk.take(head)
    async for record in trail(pool):
        walk.take(record)
    verdict = walk.end()
    faults = (*damaged, *verdict.faults)
    return msgspec.structs.replace(verdict, whole=not faults, faults=faults)


def verify_lines(lines: Iterable[bytes | str], key: Ed25519PublicKey) -> Verdict:
    """The verdict on an export. A line that is no record is a fault at the position before it."""
    try:
        return check(_records(lines), key)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        fault = Fault(0, "changed", f"a line is no record of a trail: {exc}")
        return Verdict(whole=False, events=0, heads=0, position=0, digest="", faults=(fault,))


def _records(lines: Iterable[bytes | str]) -> Iterable[Event | Head]:
    for text in lines:
        line = msgspec.json.decode(text, type=Line)
        record = line.event or line.head
        if record is None:
            raise msgspec.ValidationError("neither event nor head")
        yield record


async def _stored(objects: Objects) -> tuple[list[Head], list[Fault]]:
    """Every head in the object store, and what can't be read there."""
    names = [stored.key async for stored in objects.list(FOLDER)]
    heads: list[Head] = []
    damaged: list[Fault] = []
    for start in range(0, len(names), AT_ONCE):
        for body in await asyncio.gather(*(objects.get(name) for name in names[start : start + AT_ONCE])):
            try:
                heads.append(read_head(body or b""))
            except msgspec.DecodeError:
                damaged.append(Fault(0, "head", "a stored head can't be read"))
    return heads, damaged
