"""Where the spool stands, and what it says of items and batches. Pure.

The spool has a clock of its own, `lived_ms`: boot time that has certainly passed while it existed, added up over
reboots. It never runs ahead of the truth, whatever the wall clock does, so nothing young is ever thrown away for its
age; time while the device is off is not counted, so what is old may stay too long, and the byte bound keeps the disk.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from eucora_wire.clock import Boot
from eucora_wire.envelope import Envelope
from eucora_wire.sequence import FIRST, Items, Lost, Reason

SENDABLE, AGAIN = "", "again"
"""States of a batch in the ledger; the others are the reasons why it is lost."""


class Head(msgspec.Struct, frozen=True):
    """Ordinals and numbers run over all streams of this spool; `sequence` and `previous` belong to `stream`.

    `owner` is the identity under which it is filled, `epoch` the one of the journal that answered last.
    """

    stream: uuid.UUID
    next_ordinal: int = 1
    sealed_to: int = 0
    sequence: int = 0
    number: int = 0
    previous: str = FIRST
    shed: int = 0
    owner: str = ""
    lived_ms: int = 0
    boot: Boot | None = None
    epoch: int = 0

    def at(self, boot: Boot) -> "Head":
        """The head when the spool's clock has run on to this reading of the boot's clock."""
        if self.boot is None:  # its boot is not known: nothing has certainly passed
            passed = 0
        elif self.boot.id == boot.id:
            # A clock that went back must not tell the same time twice.
            boot = Boot(boot.id, max(boot.uptime_ms, self.boot.uptime_ms))
            passed = boot.uptime_ms - self.boot.uptime_ms
        else:
            passed = boot.uptime_ms
        return msgspec.structs.replace(self, lived_ms=self.lived_ms + passed, boot=boot)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item not yet sealed. Lower ranks are shed first."""

    ordinal: int
    mark: str
    rank: int
    born_ms: int
    uptime_ms: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """What the next batch would hold: bodies of one mark in the order of their ordinals."""

    items: Items
    mark: str
    bodies: tuple[bytes, ...]
    rank: int
    first_born_ms: int
    last_born_ms: int
    last_uptime_ms: int


def alone(item: Waiting) -> Pending:
    """A batch of one item, which did not have to wait."""
    born, n = item.born_ms, item.ordinal
    return Pending(Items(n, n), item.mark, (item.body,), item.rank, born, born, item.uptime_ms)


def nothing(items: Items) -> Pending:
    """A batch of tombstones alone."""
    return Pending(items, "", (), 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch of the ledger. `number` names it in this spool, `sequence` in its stream."""

    number: int
    stream: uuid.UUID
    sequence: int
    first: int
    last: int

    @property
    def items(self) -> int:
        return self.last - self.first + 1


Make = Callable[[Head, tuple[Lost, ...]], tuple[Envelope, str]]
"""Signs the next batch for this head, naming lost ones; gives the envelope and the digest that the chain goes on with."""


Sealer = Callable[[Pending], Make]
"""How what waits is signed."""


@dataclass(frozen=True, slots=True)
class Part:
    """A batch to be sealed instead of another: for which ordinals it accounts, and who signs it."""

    items: Items
    make: Make


Gone = tuple[int, int, Reason]
"""Ordinals first to last that were let go before they were sealed."""
