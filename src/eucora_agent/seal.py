"""From pending items to a signed envelope: encode, compress, sign. Pure but for the key.

The mark of an item holds what a batch must share: person, policy, boot, and the wall clock's offset to boot time.
"""

import uuid
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from eucora_agent.identity import Identity
from eucora_agent.moment import STEP_MS, Moment
from eucora_agent.packing import pack, unpack
from eucora_agent.spool_head import Head, Make, Part, Pending
from eucora_wire.clock import Boot
from eucora_wire.dictionary import PLAIN, UnknownDictionary, number_of
from eucora_wire.envelope import Envelope, PrivateKey, Seal, format_digest, parse_signed, read_seal, seal_batch
from eucora_wire.payload import split
from eucora_wire.sequence import Items, Lost, Tombstone

NAMED = b'{"device_id":"'
"""How a payload begins."""


class Mark(Struct, frozen=True, array_like=True):
    """A batch is cut where one of these changes. `offset_ms` is wall time less boot time."""

    subject: uuid.UUID | None
    policy: str
    boot: uuid.UUID
    offset_ms: int


def mark(subject: uuid.UUID | None, policy: str, at: Moment, before: Mark | None) -> Mark:
    """The mark of an item made now. A wall clock that drifted by less than a second is the same clock."""
    offset = at.wall_ms - at.boot.uptime_ms
    if before is not None and before.boot == at.boot.id and abs(offset - before.offset_ms) <= STEP_MS:
        offset = before.offset_ms
    return Mark(subject, policy, at.boot.id, offset)


def write_mark(of: Mark) -> str:
    return msgspec.json.encode(of).decode()


def read_mark(text: str, otherwise: Mark) -> Mark:
    """The mark that stands with items; nobody's, under the present clock, where only tombstones are told."""
    return msgspec.json.decode(text, type=Mark) if text else Mark(None, *msgspec.structs.astuple(otherwise)[1:])


def maker(pending: Pending, who: Identity, key: PrivateKey, at: Moment, now: Mark, packed_with: int = PLAIN) -> Make:
    """How the spool signs this batch: dated by the clock under which its items were made, also when it was set since."""
    of = read_mark(pending.mark, now)
    # Another boot's clock is gone: the batch is dated by its last item, and the platform knows its age is a guess.
    uptime = at.boot.uptime_ms if of.boot == at.boot.id else pending.last_uptime_ms
    about = _About(who, of.subject, of.policy, Boot(of.boot, uptime), uptime + of.offset_ms)
    return _make(about, key, pending.items, _packed([_told_by(who, body) for body in pending.bodies], packed_with))


def again(envelope: Envelope, who: Identity, key: PrivateKey) -> Part | None:
    """A sealed batch for another stream: the same bytes under the same ordinals, as old as it was.

    None while it can't be read, which is needed to speak for a device that was enrolled anew since.
    """
    seal, body = read_seal(envelope.headers), envelope.body
    if seal.device != who.device_id:
        try:
            body = _packed([_told_by(who, each) for each in bodies_of(envelope)])
        except UnknownDictionary:
            return None
    return Part(seal.items, _make(_about(seal, who), key, seal.items, body))


def otherwise(refusal: str, envelope: Envelope, who: Identity, key: PrivateKey, *, voids: bool) -> list[Part]:
    """The items of a batch as this refusal does not meet them, naming it as void if it is of the present stream; or []."""
    way = {"unknown-dictionary": plainly, "too-large": halves, "inflates-too-much": halves}.get(refusal)
    try:
        return [] if way is None else way(envelope, who, key, voids=voids)
    except UnknownDictionary:  # the platform has it as it was refused
        return []


def plainly(envelope: Envelope, who: Identity, key: PrivateKey, *, voids: bool) -> list[Part]:
    """The same items, packed without a dictionary; [] when they were."""
    if number_of(envelope.body) == PLAIN:
        return []
    seal = read_seal(envelope.headers)
    about = _about(seal, who, seal.sequence if voids else None)
    return [Part(seal.items, _make(about, key, seal.items, pack(unpack(envelope.body))))]


def halves(envelope: Envelope, who: Identity, key: PrivateKey, *, voids: bool) -> list[Part]:
    """Two smaller batches of the same items; [] for one item."""
    seal = read_seal(envelope.headers)
    carried = seal.items.carried()
    if len(carried) < 2:
        return []
    bodies, middle, packed_with = bodies_of(envelope), len(carried) // 2, number_of(envelope.body)
    about, border = _about(seal, who, seal.sequence if voids else None), carried[middle] - 1
    parts = (_within(seal.items, seal.items.first, border), _within(seal.items, border + 1, seal.items.last))
    return [
        Part(items, _make(about, key, items, _packed(half, packed_with)))
        for items, half in zip(parts, (bodies[:middle], bodies[middle:]), strict=True)
    ]


def bodies_of(envelope: Envelope) -> list[bytes]:
    """The payloads of a sealed batch. Raises UnknownDictionary."""
    return [bytes(raw) for raw in split(unpack(envelope.body))]


class _About(Struct, frozen=True):
    """What stays the same of a batch, wherever in a stream it is sealed."""

    who: Identity
    subject: uuid.UUID | None
    policy: str
    boot: Boot
    clock_ms: int
    voids: int | None = None


def _about(seal: Seal, who: Identity, voids: int | None = None) -> _About:
    return _About(who, seal.subject, seal.policy, seal.boot, seal.clock_ms, voids)


def _told_by(who: Identity, body: bytes) -> bytes:
    """A payload that this device collected before it was enrolled anew speaks for what it is called now."""
    start = len(NAMED)
    was, now = body[start : start + 36], str(who.device_id).encode()
    return body if was == now or not body.startswith(NAMED) else body.replace(was, now)


def _packed(bodies: Sequence[bytes], packed_with: int = PLAIN) -> bytes:
    return pack(b"[" + b",".join(bodies) + b"]", packed_with)


def _within(items: Items, first: int, last: int) -> Items:
    gone = (Tombstone(max(t.first, first), min(t.last, last), t.reason) for t in items.gone)
    return Items(first, last, tuple(t for t in gone if t.first <= t.last))


def _make(about: _About, key: PrivateKey, items: Items, body: bytes) -> Make:
    def make(head: Head, lost: tuple[Lost, ...]) -> tuple[Envelope, str]:
        seal = Seal(
            installation=about.who.installation,
            device=about.who.device_id,
            policy=about.policy,
            boot=about.boot,
            stream=head.stream,
            sequence=head.sequence + 1,
            items=items,
            previous=head.previous,
            clock_ms=about.clock_ms,
            subject=about.subject,
            lost=lost,
            voids=about.voids,
        )
        envelope = seal_batch(seal, body, key)
        return envelope, format_digest(parse_signed(envelope.headers).batch_digest)

    return make
