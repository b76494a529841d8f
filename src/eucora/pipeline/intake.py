"""What stages 1 and 2 are handed by a door, and what becomes of each batch."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec import Struct

from eucora.batch import Appended, Checked
from eucora.journal.port import Journal
from eucora.journal.signers import Signer
from eucora.pipeline.collect import Opened
from eucora.pipeline.validate import Rules
from eucora.problems import EucoraError, Refused


class Signers(Protocol):
    """Enrolled keys by key id. A courtesy: the append transaction decides."""

    async def get(self, keyids: Iterable[str]) -> Mapping[str, Signer]:
        """Those that are enrolled, revoked ones too. Raises TryLater."""
        ...


@dataclass(frozen=True, slots=True)
class Intake:
    """The journal to append to, the keys to verify with, the rules of validation."""

    journal: Journal
    signers: Signers
    rules: Rules


class Taken(Struct, frozen=True, gc=False):
    """A batch whose signature holds, and what the journal did with it."""

    checked: Checked
    appended: Appended


class Turned(Struct, frozen=True, gc=False):
    """A batch turned away before the journal. `signer` is whom the key belongs to, None for an unknown key."""

    reason: EucoraError
    signer: Signer | None

    @property
    def device(self) -> uuid.UUID | None:
        """The signer's."""
        return None if self.signer is None else self.signer.device


Outcome = Taken | Turned


def turned(
    opened: Sequence[Opened | Refused], signers: Mapping[str, Signer], checked: Sequence[Checked | EucoraError]
) -> list[Checked | Turned]:
    """What goes on to the journal, and what is turned away, with the device that it came from."""
    return [
        found if isinstance(found, Checked) else Turned(found, _signer(batch, signers))
        for found, batch in zip(checked, opened, strict=True)
    ]


def _signer(batch: Opened | Refused, signers: Mapping[str, Signer]) -> Signer | None:
    return None if isinstance(batch, Refused) else signers.get(batch.signed.keyid)
