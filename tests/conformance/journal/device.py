"""A device as the journal sees it: batches chained as an agent seals them. The door has verified; nothing is signed."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from eucora.batch import Checked, Verdict
from eucora_wire.answer import Lane
from eucora_wire.clock import Boot
from eucora_wire.envelope import Seal, Signed, format_digest, headers_of, signature_base
from eucora_wire.sequence import Items, Lost

INSTALLATION = uuid.UUID("5a1f0d3e-3b6c-4a55-9d6d-0f9a1c2b3d4e")
BOOT = Boot(uuid.UUID("0d6f7a52-14f5-4f0b-8f3a-3a2f8c1d9e77"), 60_000)
SENT = f"{BOOT.id};t=61000;w=1760000001000"


def sealed(
    device: uuid.UUID,
    keyid: str,
    stream: uuid.UUID,
    sequence: int,
    previous: str,
    *,
    body: bytes | None = b"[]",
    lane: Lane = "live",
    subject: uuid.UUID | None = None,
    lost: Sequence[int] = (),
    verdict: Verdict | None = None,
) -> Checked:
    """One batch, as validation hands it on."""
    seal = Seal(
        INSTALLATION, device, "none", BOOT, stream, sequence, Items(sequence, sequence), previous, 1_760_000_000_000,
        subject, tuple(Lost(n, None, None, "corrupt") for n in lost), encoding="identity",
    )  # fmt: skip
    covered = headers_of(seal, body or b"")
    params = f'({" ".join(f"{chr(34)}{n}{chr(34)}" for n in covered)});created=1760000000;keyid="{keyid}"'
    signed = Signed(keyid, "ed25519", bytes(64), signature_base(list(covered.items()), params), 1_760_000_000)
    return Checked(seal, signed, SENT, lane, verdict, body)


@dataclass
class Device:
    """Seals batch after batch; `stream` and `previous` may be set anew, as an agent's spool does."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    stream: uuid.UUID = field(default_factory=uuid.uuid4)
    sequence: int = 0
    previous: str = "none"

    @property
    def keyid(self) -> str:
        return "k" + hashlib.sha256(self.id.bytes).hexdigest()[:42]

    def seal(self, **more: object) -> Checked:
        """The next batch of the chain."""
        self.sequence += 1
        more.setdefault("body", b"%d" % self.sequence)
        batch = sealed(self.id, self.keyid, self.stream, self.sequence, self.previous, **more)  # type: ignore[arg-type]
        self.previous = format_digest(batch.signed.batch_digest)
        return batch

    def chain(self, count: int, **more: object) -> list[Checked]:
        return [self.seal(**more) for _ in range(count)]

    def new_stream(self, previous: str | None = None) -> None:
        """As after a damaged spool."""
        self.stream, self.sequence = uuid.uuid4(), 0
        self.previous = previous or self.previous
