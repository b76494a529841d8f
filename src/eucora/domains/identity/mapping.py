"""Which person uses which devices: at most 15 a person, whatever the race. The sixteenth is refused and recorded.

Persons are locked in ascending order, so that no two callers wait for each other; the table's own constraint stands behind.
"""

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from eucora.domains.audit import Act
from eucora.domains.identity.queries import SQL
from eucora.slice import Transaction

MOST_DEVICES = 15
Pair = tuple[uuid.UUID, uuid.UUID]
"""(person, device)."""


async def map_devices(tx: Transaction, now: datetime, pairs: Collection[Pair]) -> set[Pair]:
    """Map persons to devices; again changes nothing. The pairs that are refused."""
    if not pairs:
        return set()
    persons = sorted({person for person, _ in pairs})
    known = {row["user_id"] for row in await tx.fetch(SQL.lock_users, persons)}
    taken: dict[uuid.UUID, dict[uuid.UUID, int]] = {person: {} for person in known}
    for row in await tx.fetch(SQL.slots_of, persons):
        taken.setdefault(row["user_id"], {})[row["device_id"]] = row["slot"]
    found, refused = allot(taken, sorted(pair for pair in pairs if pair[0] in known))
    if found:
        columns = [list(column) for column in zip(*((*pair, slot) for pair, slot in found.items()), strict=True)]
        await tx.execute(SQL.take_slots, *columns, now)
    return refused


def allot(
    taken: Mapping[uuid.UUID, dict[uuid.UUID, int]], pairs: Collection[Pair]
) -> tuple[dict[Pair, int], set[Pair]]:
    """The lowest free slot for each new pair, in their order; and the pairs for which there is none."""
    found: dict[Pair, int] = {}
    refused: set[Pair] = set()
    for person, device in pairs:
        slots = taken[person]
        if device in slots:
            continue
        free = next((n for n in range(1, MOST_DEVICES + 1) if n not in slots.values()), None)
        if free is None:
            refused.add((person, device))
        else:
            slots[device] = found[person, device] = free
    return found, refused


def refusal(person: uuid.UUID, device: uuid.UUID) -> Act:
    """What the trail says of a sixteenth device."""
    return Act(
        act="user.mapping-refused",
        audit_class="refusal",
        actor_kind="device",
        actor=str(device),
        devices=(device,),
        subject=person,
        outcome="refused",
        detail={"reason": "too-many-devices", "most": MOST_DEVICES},
    )
