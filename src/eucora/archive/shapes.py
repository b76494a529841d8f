"""Shapes name the metrics and labels of a row once; they are never changed, so a number once known is known for ever.

A new shape is committed before the transaction that uses it: left unused by a crash, it costs one row.
"""

import hashlib
from collections.abc import Callable, Hashable
from typing import Any, Literal

import msgspec

from eucora.slice import Pool
from eucora.sql import load

SQL = load(__file__)

Kind = Literal["metrics", "lines", "spans"]
Parts = Any
"""metrics: [[name, {label: value}], …] in the order of values · lines: {kind, source, severity} · spans: {name}."""

MOST = 50_000
"""Beyond this many, devices have no say in labels any more: what they call their sensors becomes `other`."""


class Shapes:
    """Numbers of shapes. An unknown one gets a provisional number below zero until `settle`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[Hashable, int] = {}
        self._waiting: dict[int, tuple[Hashable, Kind, Parts]] = {}

    @property
    def full(self) -> bool:
        return len(self._known) >= MOST

    def number(self, kind: Kind, key: Hashable, parts: Callable[[], Parts]) -> int:
        """The shape of `key`; `parts` is called only for one not seen before by this process."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = -1 - len(self._waiting)
            self._waiting[found] = (key, kind, parts())
        return found

    async def settle(self) -> dict[int, int]:
        """Provisional numbers to real ones; nothing to do in all but the first batches of a process."""
        if not self._waiting:
            return {}
        waiting, self._waiting = self._waiting, {}
        digests = {n: digest(kind, parts) for n, (_, kind, parts) in waiting.items()}
        try:
            real = await self._create([(kind, parts, digests[n]) for n, (_, kind, parts) in waiting.items()])
        except BaseException:
            for key, _, _ in waiting.values():
                del self._known[key]
            raise
        settled = {n: real[digests[n]] for n in waiting}
        self._known.update((key, settled[n]) for n, (key, _, _) in waiting.items())
        return settled

    async def _create(self, wanted: list[tuple[Kind, Parts, bytes]]) -> dict[bytes, int]:
        kinds = [kind for kind, _, _ in wanted]
        parts = [msgspec.json.encode(parts).decode() for _, parts, _ in wanted]
        digests = [digest for _, _, digest in wanted]
        await self._pool.execute(SQL.create_shapes, kinds, parts, digests)
        return {row["digest"]: row["shape"] for row in await self._pool.fetch(SQL.shapes_of, digests)}


def digest(kind: Kind, parts: Parts) -> bytes:
    """SHA-256 over kind and parts; the order of labels does not matter."""
    return hashlib.sha256(f"{kind}\n".encode() + msgspec.json.encode(parts, order="sorted")).digest()
