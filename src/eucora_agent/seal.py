"""From pending items to a signed envelope: encode, compress, sign. Pure but for the key.

The mark of an item holds what a batch must share: person, policy, boot, and the wall clock's offset to boot time.
"""

import uuid

import msgspec
import zstandard
from msgspec import Struct

from eucora_agent.identity import Identity
from eucora_agent.moment import Moment
from eucora_agent.spool import Head, Make, Pending
from eucora_wire.clock import Boot
from eucora_wire.envelope import Envelope, PrivateKey, Seal, format_digest, parse_signed, seal_batch
from eucora_wire.payload import split
from eucora_wire.sequence import Lost


class Mark(Struct, frozen=True, array_like=True):
    """A batch is cut where one of these changes. `offset_ms` is wall time less boot time."""

    subject: uuid.UUID | None
    policy: str
    boot: uuid.UUID
    offset_ms: int


def mark(subject: uuid.UUID | None, policy: str, at: Moment, before: Mark | None) -> Mark:
    """The mark of an item made now. A wall clock that drifted by less than a second is the same clock."""
    offset = at.wall_ms - at.boot.uptime_ms
    if before is not None and before.boot == at.boot.id and abs(offset - before.offset_ms) <= 1_000:
        offset = before.offset_ms
    return Mark(subject, policy, at.boot.id, offset)


def write_mark(of: Mark) -> str:
    return msgspec.json.encode(of).decode()


def read_mark(text: str, otherwise: Mark) -> Mark:
    """The mark that stands with an item; `otherwise` for what comes again in a new stream."""
    return msgspec.json.decode(text, type=Mark) if text else otherwise


def maker(pending: Pending, who: Identity, key: PrivateKey, at: Moment, now: Mark) -> Make:
    """How the spool signs this batch: dated by the clock under which its items were made, also when it was set since."""
    of = read_mark(pending.mark, now)
    # Another boot's clock is gone: the batch is dated by its last item, and the platform knows its age is a guess.
    uptime = at.boot.uptime_ms if of.boot == at.boot.id else pending.last_uptime_ms
    body = zstandard.compress(b"[" + b",".join(pending.bodies) + b"]", 3)

    def make(head: Head, lost: tuple[Lost, ...]) -> tuple[Envelope, str]:
        seal = Seal(
            installation=who.installation,
            device=who.device_id,
            policy=of.policy,
            boot=Boot(of.boot, uptime),
            stream=head.stream,
            sequence=head.sequence + 1,
            items=pending.items,
            previous=head.previous,
            clock_ms=uptime + of.offset_ms,
            subject=of.subject,
            lost=lost,
        )
        envelope = seal_batch(seal, body, key)
        return envelope, format_digest(parse_signed(envelope.headers).batch_digest)

    return make


def bodies_of(envelope: Envelope) -> list[bytes]:
    """The payloads of a sealed batch, to be appended again."""
    return [bytes(raw) for raw in split(zstandard.decompress(envelope.body))]
