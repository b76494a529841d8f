"""A written file onto the object store and into the catalogue: stored, read back equal, then named."""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from msgspec import Struct

from eucora.archive.files import File
from eucora.archive.parquet import Kind, Written
from eucora.problems import TryLater
from eucora.stores.ports import Objects


class Place(Struct, frozen=True, kw_only=True):
    """Where files belong: made from the windows first to last, in a generation, respecting masks up to one."""

    kind: Kind
    epoch: int
    first: int
    last: int
    generation: int
    masks: int


async def put_all(objects: Objects, written: Sequence[Written], place: Place) -> list[File]:
    """Files as they will be named. Raises TryLater for one that the store does not give back as it was."""
    folder = f"archive/{place.kind}/{place.epoch}/{place.first}-{place.last}/{place.generation}"
    return [await _put(objects, f"{folder}/{each.day}-{n}", each, place) for n, each in enumerate(written)]


async def _put(objects: Objects, name: str, written: Written, place: Place) -> File:
    body = await asyncio.to_thread(written.path.read_bytes)
    digest = hashlib.sha256(body).digest()
    key = f"{name}-{digest.hex()[:16]}.parquet"  # a zombie's late write never changes what another has recorded
    await objects.put(key, body)
    back = await objects.get(key)
    if back is None or hashlib.sha256(back).digest() != digest:
        raise TryLater("store-unavailable", f"{key} was not read back equal")
    return File(
        kind=place.kind,
        object=key,
        day=written.day,
        first=place.first,
        last=place.last,
        generation=place.generation,
        rows=written.rows,
        size=len(body),
        digest=digest,
        since=written.since.replace(tzinfo=UTC),
        until=written.until.replace(tzinfo=UTC),
        masks=place.masks,
        width=written.width,
        traces=written.traces,
    )


async def fetch(objects: Objects, file: File, folder: Path) -> Path:
    """A file of the store, held against its digest, in `folder`. Raises TryLater when it is not what was stored."""
    body = await objects.get(file.object)
    if body is None or hashlib.sha256(body).digest() != file.digest:
        raise TryLater("store-unavailable", f"{file.object} is not what was stored")
    path = folder / f"{file.digest.hex()}.parquet"
    await asyncio.to_thread(path.write_bytes, body)
    return path
