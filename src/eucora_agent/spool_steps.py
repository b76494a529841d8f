"""What each change of the spool writes, as steps of a transaction."""

from collections.abc import Mapping, Sequence

import msgspec

from eucora_agent import spool_sql as sql
from eucora_agent.spool_file import Step, checksum
from eucora_agent.spool_head import SENDABLE, Head
from eucora_wire.envelope import Envelope
from eucora_wire.sequence import Items

ROW_BYTES = 120
"""What a row takes beside its body, roughly."""


def noted(notes: Mapping[str, bytes]) -> Step:
    """Remembered under these names."""
    return sql.KEEP_NOTE, [(name, checksum(content), content) for name, content in notes.items()]


def sealed(items: Items, worth: tuple[int, int], head: Head, envelope: Envelope, file: int) -> list[Step]:
    """The batch that `head` stands at, in the file of this number. `worth`: rank and birth."""
    headers, body = msgspec.json.encode(envelope.headers), envelope.body
    row = (head.number, str(head.stream), head.sequence, items.first, items.last, *worth)
    size = len(headers) + len(body) + ROW_BYTES
    return [
        (sql.KEEP_BATCH, [(*row, checksum(headers, body), headers, body)]),
        (sql.KEEP_LEDGER, [(*row, size, file, SENDABLE, 0)]),
    ]


def sealed_away(to: int, instead: Sequence[int] = ()) -> list[Step]:
    """Sealed: items and tombstones up to here go, and the batches instead of which others were sealed."""
    return [(sql.DROP_ITEMS_TO, [(to,)]), (sql.DROP_GONE_TO, [(to,)]), (sql.DROP_BATCH, [(n,) for n in instead])]


def settled(numbers: Sequence[int]) -> list[Step]:
    """Answered for: the ledger forgets them, and the lost ones that they named. Their bytes stay, as the tail."""
    rows = [(n,) for n in numbers]
    return [(sql.FORGET, rows), (sql.FORGET_NAMED, rows)]


def forgotten(numbers: Sequence[int]) -> list[Step]:
    """Replaced by others: these batches go as if they had never been, and the lost ones that they named."""
    return [(sql.DROP_BATCH, [(n,) for n in numbers]), *settled(numbers)]


def without(ordinals: Sequence[int], numbers: Sequence[int]) -> list[Step]:
    """Let go: these items go, these batches."""
    return [(sql.DROP_ITEM, [(n,) for n in ordinals]), (sql.DROP_BATCH, [(n,) for n in numbers])]
