"""The bucket's part of a backup: every object as a file under its key, and back. Objects never change, so what an earlier
backup holds is linked, not fetched again."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from eucora.stores.ports import Objects, Stored

Report = Callable[[int, int], None]
"""Objects and bytes so far."""


async def take(objects: Objects, into: Path, earlier: Path | None, report: Report) -> tuple[int, int]:
    """What is not there yet; what goes meanwhile is left out. Objects and bytes that are there now."""
    count = size = 0
    async for stored in objects.list(""):
        path = into / stored.key
        if not path.exists() and not _linked(stored, earlier, path):
            body = await objects.get(stored.key)
            if body is None:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
        count, size = count + 1, size + stored.size
        report(count, size)
    return count, size


def _linked(stored: Stored, earlier: Path | None, path: Path) -> bool:
    """Whether an earlier backup holds just this; an ETag is the MD5 of what was put in one piece."""
    held = None if earlier is None else earlier / stored.key
    if held is None or not held.is_file() or held.stat().st_size != stored.size:
        return False
    if hashlib.md5(held.read_bytes(), usedforsecurity=False).hexdigest() != stored.etag.strip('"'):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    os.link(held, path)
    return True


async def put_back(objects: Objects, folder: Path, report: Report) -> int:
    """What the bucket has not; how many. Never anything instead of what it has."""
    there = {stored.key async for stored in objects.list("")}
    put = size = 0
    for path in _files(folder):
        key = path.relative_to(folder).as_posix()
        if key not in there:
            body = path.read_bytes()
            await objects.put(key, body, if_absent=True)
            put, size = put + 1, size + len(body)
            report(put, size)
    return put


def _files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.rglob("*") if each.is_file())
