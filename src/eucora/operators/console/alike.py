"""What some devices have in common that the fleet has not: the first question after "which are they?"."""

import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from msgspec import Struct

from eucora.domains.devices.queries import beings
from eucora.operators.statements import SQL
from eucora.slice import Pool

KINDS = ("system", "model", "site")
LEAST = 3
"""Of fewer devices nothing is said: two of anything agree by chance."""
MORE = 1.3
"""How much more frequent than in the fleet something must be to be told."""


class Shared(Struct, frozen=True):
    """So many of them are of this kind; of the whole fleet, that share is."""

    kind: str
    name: str
    devices: int
    share: float
    of_fleet: float


async def common(pool: Pool, devices: Collection[uuid.UUID]) -> Sequence[Shared]:
    """What stands out, the most telling first."""
    if len(devices) < LEAST:
        return []
    found = await beings(pool, devices)
    fleet = {(row["kind"], row["name"]): row["devices"] for row in await pool.fetch(SQL.kinds_of_fleet)}
    return sorted(standing_out(list(found.values()), fleet), key=lambda each: each.of_fleet / each.share)


def standing_out(some: Sequence[tuple[str | None, ...]], fleet: dict[tuple[str, str], int]) -> Iterator[Shared]:
    """`some`: system, model and site of each; `fleet`: of all devices, how many are of what kind."""
    for number, kind in enumerate(KINDS):
        whole = sum(count for (of, _), count in fleet.items() if of == kind)
        for name, count in Counter(each[number] for each in some if each[number]).items():
            share, usual = count / len(some), fleet.get((kind, str(name)), count) / max(whole, 1)
            if share >= 0.5 and share > MORE * usual:
                yield Shared(kind, str(name), count, share, usual)
