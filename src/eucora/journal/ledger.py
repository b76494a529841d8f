"""One group commit in the making: what was read under the locks goes in, batch after batch, and what is to be written
comes out. Pure; several batches of one stream follow each other here as they would in groups of their own.

How the first batch of a stream joins the device's stream before is recorded and refuses nothing (`joins`): a stream
begun because of a fork, or before the last batches of the old one arrived, could not fit. Within a stream a misfit is a
fork, and so is a stream that belongs to another device. A stream that forked is held: nothing more is appended to it.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from eucora.batch import Appended, Checked
from eucora.journal.heads import BEGINNING, NOTHING, Chain, Decision, Link, decide, pack
from eucora_wire import sequence as seq
from eucora_wire.answer import Lane, Receipt
from eucora_wire.clock import format_boot
from eucora_wire.envelope import parse_digest

LANE_NUMBER: dict[Lane, int] = {"live": 0, "replay": 1}
LANE_NAME: tuple[Lane, Lane] = ("live", "replay")

Used = dict[tuple[uuid.UUID, int], tuple[bytes, Receipt]]
"""What stands under a used (stream, sequence): digest and receipt."""

Siblings = dict[uuid.UUID, dict[uuid.UUID, tuple[int, bytes]]]
"""By device and stream: the stream's number and last digest."""


class Incoming(Struct, frozen=True, gc=False):
    """A batch made ready before any lock is taken. `body` is sealed; `erased`: its key is known to be destroyed.

    `key_no` stays None for a batch whose body was not kept: so key_no without a body means erased, here and in entries.
    """

    batch: Checked
    shard: int
    digest: bytes
    key_no: int | None
    body: bytes | None
    erased: bool


class Standing(Struct, frozen=True, gc=False):
    """What the database says of a batch's key, under the lock. `device` is None for a key that is not enrolled."""

    device: uuid.UUID | None
    state: str | None
    destroyed: bool


@dataclass(slots=True)
class Shard:
    """The last position of each lane, and the time that this commit gives to its entries."""

    positions: list[int]
    received: datetime


@dataclass(slots=True)
class Head:
    """A row of journal_heads as this commit makes it."""

    device: uuid.UUID
    number: int
    chain: Chain = BEGINNING
    last_item: int = 0
    joins: str = "open"
    fork: bool = False
    received: datetime | None = None
    rewound: bool = False


@dataclass(slots=True)
class Ledger:
    """State of one group commit; `entries` and `changed` are what it writes."""

    epoch: int
    shards: dict[int, Shard]
    heads: dict[uuid.UUID, Head]
    siblings: Siblings
    used: Used
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    changed: dict[uuid.UUID, Head] = field(default_factory=dict)
    forks: list[tuple[Any, ...]] = field(default_factory=list)

    def enter(self, incoming: Incoming, standing: Standing) -> Appended:
        """Decide one batch, after those before it."""
        seal = incoming.batch.seal
        if standing.device != seal.device:
            return Appended("unknown-device")
        if standing.state == "revoked":
            return Appended("revoked-device")
        head = self.heads.get(seal.stream) or Head(seal.device, self._next_number(seal.device))
        if head.device != seal.device:
            return Appended("fork", new_stream=True)
        decision, erased = decide(head.chain, _link(incoming)), incoming.erased or standing.destroyed
        if head.fork and decision.outcome != "used":
            return Appended("fork")
        if decision.outcome == "append":
            return self._append(incoming, head, decision, erased)
        if decision.outcome == "used":
            return self._again(incoming, head, erased)
        if decision.outcome == "fork":
            return self._fork(incoming, head)
        return Appended("too-many-gaps", missing=decision.missing)

    def _append(self, incoming: Incoming, head: Head, decision: Decision, erased: bool) -> Appended:
        batch, shard, lane = incoming.batch, self.shards[incoming.shard], LANE_NUMBER[incoming.batch.lane]
        seal = batch.seal
        shard.positions[lane] += 1
        receipt = Receipt(self.epoch, incoming.shard, batch.lane, shard.positions[lane], shard.received)
        if seal.sequence == 1:
            head.joins = self._joins(seal.stream, head, seal.previous)
        head.chain, head.received = decision.chain, shard.received
        head.last_item = max(head.last_item, seal.items.last)
        self.heads[seal.stream] = self.changed[seal.stream] = head
        self.siblings.setdefault(seal.device, {})[seal.stream] = (head.number, head.chain.digest or b"")
        self.used[seal.stream, seal.sequence] = (incoming.digest, receipt)
        self.entries.append(_entry(incoming, receipt, lane, head.number, erased))
        return Appended("appended", receipt, erased=erased, lacks=_lacks(head))

    def _again(self, incoming: Incoming, head: Head, erased: bool) -> Appended:
        """A used sequence: the same batch gets its old receipt; without a digest in memory the head alone says it."""
        stream = incoming.batch.seal.stream
        known = self.used.get((stream, incoming.batch.seal.sequence))
        if known is None:
            return Appended("known", lacks=_lacks(head))
        digest, receipt = known
        if digest != incoming.digest:
            return self._fork(incoming, head)
        return Appended("duplicate", receipt, erased=erased, lacks=_lacks(head))

    def _fork(self, incoming: Incoming, head: Head) -> Appended:
        """Two machines may present one identity: from here on neither is heard on this stream, until an operator says."""
        if head.rewound:
            return Appended("fork", new_stream=True)
        if not head.fork:
            seal, seen = incoming.batch.seal, self.shards[incoming.shard].received
            head.fork = True
            self.changed[seal.stream] = head
            self.forks.append((seal.stream, seal.device, seal.sequence, format_boot(seal.boot), incoming.digest, seen))
        return Appended("fork")

    def _next_number(self, device: uuid.UUID) -> int:
        return 1 + max((number for number, _ in self.siblings.get(device, {}).values()), default=0)

    def _joins(self, stream: uuid.UUID, head: Head, previous: str) -> str:
        if previous == seq.LOST:
            return "lost"
        if previous == seq.FIRST:
            return "first" if head.number == 1 else "differs"
        others = self.siblings.get(head.device, {})
        ends = {digest for other, (_, digest) in others.items() if other != stream}
        return "fits" if parse_digest(previous) in ends else "differs"


def _lacks(head: Head) -> tuple[tuple[int, int], ...]:
    return tuple((gap.first, gap.last) for gap in head.chain.gaps)


def _link(incoming: Incoming) -> Link:
    seal = incoming.batch.seal
    lost = tuple(lost.sequence for lost in seal.lost) if seal.lost else ()
    return Link(seal.sequence, incoming.digest, _previous(seal.previous), lost)


def _previous(text: str) -> bytes | None:
    if text == seq.LOST:
        return None
    return NOTHING if text == seq.FIRST else parse_digest(text)


def _entry(incoming: Incoming, receipt: Receipt, lane: int, number: int, erased: bool) -> tuple[Any, ...]:
    """A row of journal_entries, in the order of ENTRY_COLUMNS."""
    batch = incoming.batch
    seal, signed, verdict = batch.seal, batch.signed, batch.verdict
    return (
        receipt.shard, lane, receipt.position, receipt.epoch, receipt.received,
        seal.device, seal.stream, number, seal.sequence, seal.items.first, seal.items.last, seal.subject,
        signed.keyid, signed.base, signed.signature, incoming.digest, _printable(batch.sent),
        None if verdict is None else msgspec.json.encode(verdict), incoming.key_no, None if erased else incoming.body,
    )  # fmt: skip


ENTRY_COLUMNS = (
    "shard", "lane", "position", "epoch", "received",
    "device", "stream", "stream_number", "sequence", "first_item", "last_item", "subject",
    "keyid", "signed", "signature", "digest", "sent",
    "verdict", "key_no", "body",
)  # fmt: skip


def _printable(sent: str | None) -> str | None:
    """`eucora-sent` is not signed: one that no agent writes must not fail the commit of others."""
    return sent if sent is not None and sent.isascii() and sent.isprintable() else None


def columns(ledger: Ledger) -> list[Any]:
    """What `write_down` takes: four columns of journal_shards, ten of journal_heads, the epoch, six of journal_digests."""
    touched = sorted({entry[0] for entry in ledger.entries})
    shards = [ledger.shards[n] for n in touched]
    return [
        touched,
        [shard.positions[0] for shard in shards],
        [shard.positions[1] for shard in shards],
        [shard.received for shard in shards],
        *map(list, zip(*map(_head, ledger.changed.items()), strict=True)),
        ledger.epoch,
        *([entry[n] for entry in ledger.entries] for n in _OF_DIGESTS),
    ]


_OF_DIGESTS = [ENTRY_COLUMNS.index(name) for name in ("stream", "sequence", "digest", "shard", "lane", "position")]


def _head(changed: tuple[uuid.UUID, Head]) -> tuple[Any, ...]:
    stream, head = changed
    chain = head.chain
    return (
        stream, head.device, head.number, chain.last, chain.digest, pack(chain.gaps), head.last_item,
        head.joins, head.fork, head.received,
    )  # fmt: skip
