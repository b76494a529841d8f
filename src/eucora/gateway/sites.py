"""Where devices belong, as far as the door has to know: read whole at the start, then looked up behind the requests."""

import uuid
from itertools import islice

from eucora.slice import Pool
from eucora.stores.postgres import translated

ALL = "SELECT device_id, coalesce(site, '') FROM devices"
SOME = ALL + " WHERE device_id = ANY($1::uuid[])"
NEW_AT_ONCE = 5_000
AGAIN_AT_ONCE = 200
"""Known ones that are looked up again each second: a device that was moved is known after minutes in a large fleet."""


class Sites:
    """`of` only reads; what it did not know is there after the next `learn`."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: dict[uuid.UUID, str] = {}
        self._unknown: set[uuid.UUID] = set()

    def of(self, device: uuid.UUID) -> str:
        """The site of a device; empty: none, or not known yet."""
        site = self._known.get(device)
        if site is None:
            self._unknown.add(device)
        return site or ""

    async def read(self) -> None:
        """All of them, before the doors open. Raises TryLater."""
        with translated():
            self._known = dict(await self._pool.fetch(ALL))

    async def learn(self) -> None:
        """Each second: those that were asked for, and the next of those known. Raises TryLater."""
        some = [*islice(self._unknown, NEW_AT_ONCE), *islice(self._known, AGAIN_AT_ONCE)]
        if not some:
            return
        with translated():
            rows = await self._pool.fetch(SOME, some)
        self._unknown.difference_update(some)
        for device in some:
            self._known.pop(device, None)  # what was looked up now stands last
        self._known.update(rows)
