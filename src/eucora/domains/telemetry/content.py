"""Who reads what devices said leaves an event: free text may name a person, whoever wrote it (docs/decisions/content.md).

The event is there before the answer. It says of which devices, kinds and times; what was looked for stands in it as a
keyed pseudonym, since a name is what people look for; what was found, never.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from eucora.domains.audit.asked import Purpose
from eucora.domains.audit.write import by, record
from eucora.sealing import pseudonym
from eucora.secrets import Secrets
from eucora.slice import Pool
from eucora.web.asker import Asker
from eucora.web.given import GivenAsker, GivenNow, GivenPool, GivenSecrets

CONTENT = "telemetry.content.read"


class Reader(Struct, frozen=True):
    """Who reads, why, and where that is written down."""

    pool: Pool
    secrets: Secrets
    asker: Asker
    now: datetime
    purpose: str

    async def reads(self, act: str, devices: Sequence[uuid.UUID] | None, **detail: Any) -> None:
        """Record it. `detail` holds what was asked for; what is empty is left out."""
        told = by(
            self.asker,
            act,
            "personal",
            devices=tuple(devices or ()),
            purpose=self.purpose.strip(),
            detail={name: _plain(value) for name, value in detail.items() if value},
        )
        async with self.pool.acquire() as tx, tx.transaction():
            await record(tx, self.now, [told])

    def hidden(self, texts: Sequence[str]) -> list[str]:
        """What was looked for: equal when it is, and no text."""
        return [pseudonym(self.secrets.pseudonym, "looked-for", text).hex() for text in texts]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


async def reader(
    pool: GivenPool, secrets: GivenSecrets, asker: GivenAsker, now: GivenNow, purpose: Purpose = ""
) -> Reader:
    """Given to a route by name."""
    return Reader(pool, secrets, asker, now, purpose)
