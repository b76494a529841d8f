"""What a journal promises: ordered, durable, at-least-once append; positions a shard and lane without holes or repeats."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Protocol

from eucora.batch import Appended, Checked, Entry

Place = tuple[int, int]
"""(shard, lane)."""


class Journal(Protocol):
    """Append is committed with fsync when it returns. Raises TryLater when the journal can't take data."""

    async def append(self, batches: Sequence[Checked]) -> list[Appended]:
        """One group commit; the result at i belongs to the batch at i. Refusals are results, not exceptions."""
        ...

    async def read(self, after: Mapping[Place, int], most: int) -> list[Entry]:
        """Up to `most` entries beyond the positions given, each place in ascending order, live places first.

        Whether they are hot or sealed makes no difference, but that a store that is away is TryLater for what is sealed.
        An entry with a `key_no` and no body is erased; one with neither had none to keep, and its verdict says why.
        """
        ...

    async def tips(self) -> dict[Place, int]:
        """The last position of every place."""
        ...


def shard_of(device: uuid.UUID, shards: int) -> int:
    """The fixed shard of a device: by the low bits of its id, which are random."""
    return device.int % shards
