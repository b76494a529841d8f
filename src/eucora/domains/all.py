"""Every domain, and what they offer together: slices for the digest, one look-up a batch, chores for quiet moments."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from eucora.domains.devices.absorb import Absorb
from eucora.domains.devices.queries import Heard, held_facts, policies_of
from eucora.domains.drift.absorb import Absorb as AbsorbHeartbeats
from eucora.domains.drift.check import check as compare
from eucora.domains.identity.absorb import absorb as absorb_persons
from eucora.domains.identity.queries import erased, held_sessions, people_of
from eucora.domains.software.absorb import absorb as absorb_software
from eucora.domains.software.check import check
from eucora.domains.software.check import held as held_inventory
from eucora.journal.completeness import complete
from eucora.journal.founding import PIPELINE
from eucora.journal.keys import Keyring
from eucora.secrets import Secrets
from eucora.slice import Pool, Slice, Transaction
from eucora.stores.postgres import translated


class Known(Struct, frozen=True):
    """Subject to person, erased subjects, device to the policy under which it was last heard."""

    users: Mapping[uuid.UUID, uuid.UUID | None]
    erased: frozenset[uuid.UUID]
    policies: Mapping[uuid.UUID, Heard]


class Directory:
    """Devices and persons behind one question a batch."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def look_up(self, devices: Collection[uuid.UUID], subjects: Collection[uuid.UUID]) -> Known:
        """What is known of them now. Raises TryLater."""
        with translated():
            return await self._look_up(devices, subjects)

    async def _look_up(self, devices: Collection[uuid.UUID], subjects: Collection[uuid.UUID]) -> Known:
        async with self._pool.acquire() as db:
            policies = await policies_of(db, devices) if devices else {}
            people = await people_of(db, subjects)
        erased = frozenset(person.subject for person in people if person.erased)
        return Known({person.subject: person.user_id for person in people}, erased, policies)


HOLDERS = {"software": held_inventory, "device": held_facts, "sessions": held_sessions}
"""Who can say what is held of each section of which a device tells digests."""


def slices(keyring: Keyring, secrets: Secrets) -> Sequence[Slice]:
    """The domains in the order in which they take their part of a batch."""
    return (
        Slice("devices", absorb=Absorb(keyring, secrets.pseudonym)),
        Slice("identity", absorb=absorb_persons),
        Slice("software", absorb=absorb_software),
        Slice("drift", absorb=AbsorbHeartbeats(secrets.pseudonym)),
    )


def chores(pool: Pool, secrets: Secrets) -> Sequence[Callable[[datetime], Awaitable[None]]]:
    """What domains do when nothing waits."""

    async def ended(db: Pool | Transaction, devices: Collection[uuid.UUID]) -> set[uuid.UUID]:
        return await complete(db, PIPELINE, devices)

    async def compare_inventories(now: datetime) -> None:
        with translated():
            await check(pool, ended, now)

    async def compare_states(now: datetime) -> None:
        with translated():
            await compare(pool, HOLDERS, secrets.pseudonym, now)

    return compare_inventories, compare_states


__all__ = ["Directory", "Known", "chores", "erased", "slices"]
