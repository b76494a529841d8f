"""Copies of files on this machine: fetched once, held against their digest, bounded; the oldest unused go first,

and those of files that are current no more."""

import asyncio
import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from eucora.archive.files import SQL, File
from eucora.problems import TryLater
from eucora.slice import Pool
from eucora.stores.ports import Objects

AT_ONCE = 8


class Copies:
    """A folder of this process's own user. What is being read is never thrown away."""

    def __init__(self, objects: Objects, folder: Path, most_bytes: int) -> None:
        self._objects, self._folder, self._most_bytes = objects, folder, most_bytes
        self._used: Counter[Path] = Counter()
        self._fetching: dict[Path, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in folder.glob("*.new"):  # by a process that was killed
            left.unlink(missing_ok=True)

    @asynccontextmanager
    async def of(self, files: Sequence[File]) -> AsyncIterator[list[Path]]:
        """Paths to read from as long as the block. Raises TryLater when the store is away or holds something else."""
        paths = [self._path(file) for file in files]
        self._used.update(paths)
        try:
            await asyncio.gather(*(self._have(file, path) for file, path in zip(files, paths, strict=True)))
            yield paths
        finally:
            self._used.subtract(paths)
            self._bound()

    async def tidy(self, pool: Pool) -> int:
        """Throw away copies of files that are current no more, which may hold what was erased; how many."""
        found = [bytes.fromhex(path.stem) for path in self._folder.glob("*.parquet")]
        current = {row["digest"] for row in await pool.fetch(SQL.current_digests, found)} if found else set()
        stale = [path for digest in found if digest not in current and not self._used[path := self._of(digest)]]
        for path in stale:
            path.unlink(missing_ok=True)
            self._fetching.pop(path, None)
        return len(stale)

    def _path(self, file: File) -> Path:
        return self._of(file.digest)

    def _of(self, digest: bytes) -> Path:
        return self._folder / f"{digest.hex()}.parquet"

    async def _have(self, file: File, path: Path) -> None:
        lock = self._fetching.setdefault(path, asyncio.Lock())
        async with lock, self._slots:
            if _touched(path, file.size):
                return
            body = await self._objects.get(file.object)
            if body is None or hashlib.sha256(body).digest() != file.digest:
                raise TryLater("store-unavailable", f"{file.object} is not what was stored")
            await asyncio.to_thread(_keep, body, path)

    def _bound(self) -> None:
        found = sorted(((path.stat(), path) for path in self._folder.glob("*.parquet")), key=lambda x: x[0].st_mtime)
        over = sum(stat.st_size for stat, _ in found) - self._most_bytes
        for stat, path in found:
            if over <= 0:
                return
            if not self._used[path]:
                path.unlink(missing_ok=True)
                self._fetching.pop(path, None)
                over -= stat.st_size


def _touched(path: Path, size: int) -> bool:
    """Whether it is there, whole; it counts as used now. One that a power cut emptied is not."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return path.stat().st_size == size


def _keep(body: bytes, path: Path) -> None:
    """Under its name at once or not at all, also when whoever asked for it went away."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".new", delete=False) as fresh:
        fresh.write(body)
    os.replace(fresh.name, path)
