"""Questions about devices. Lists hold at most `limit` rows in the order of their key; `after` is the last key seen."""

import re
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path

from msgspec import Struct

from eucora.domains.devices.records import DeviceRow, Interval
from eucora.domains.devices.search import Search
from eucora.slice import Held, Pool, Transaction
from eucora.sql import load

SQL = load(__file__)
EVERYTHING = Search()


class Heard(Struct, frozen=True):
    """Under which policy a device was last heard, None when it was not yet, and by which item that is known."""

    policy: str | None
    order: tuple[int, int]


UNHEARD = Heard(None, (0, 0))


async def search(
    db: Pool | Transaction, query: Search = EVERYTHING, after: uuid.UUID | None = None, limit: int = 100
) -> list[DeviceRow]:
    """Devices that fulfil every word, by device id."""
    rows = await db.fetch(
        SQL.search,
        after,
        query.hostname,
        query.serial,
        query.account,
        starting(query.model),
        starting(query.os),
        query.package,
        starting(query.state),
        [word.hostname for word in query.words],
        [word.serial for word in query.words],
        starting(word.text for word in query.words),
        [word.text for word in query.words],
        limit,
        starting(query.ids),
        starting(query.site),
    )
    return [DeviceRow(**row) for row in rows]


async def one(db: Pool | Transaction, device_id: uuid.UUID) -> DeviceRow | None:
    """A device by its id."""
    row = await db.fetchrow(SQL.one, device_id)
    return None if row is None else DeviceRow(**row)


async def facts(db: Pool | Transaction, device_id: uuid.UUID) -> list[Interval]:
    """What the device was said to be, and when each of it held."""
    return [Interval(**row) for row in await db.fetch(SQL.facts, device_id)]


def starting(texts: Iterable[str]) -> list[str]:
    """LIKE patterns for texts that begin so."""
    return [re.sub(r"([\\%_])", r"\\\1", text) + "%" for text in texts]


async def held(db: Pool | Transaction, attribute: str, devices: Collection[uuid.UUID] | None, into: Path) -> None:
    """Write (device, since, until, value) of an attribute as CSV, in microseconds: at each moment one value at most."""
    chosen = None if devices is None else list(devices)
    await db.copy_from_query(SQL.held, attribute, chosen, output=into, format="csv")


async def policies_of(db: Pool | Transaction, devices: Collection[uuid.UUID]) -> dict[uuid.UUID, Heard]:
    """The policy under which each of some devices was last heard."""
    rows = await db.fetch(SQL.policies_of, list(devices))
    return {row["device_id"]: Heard(row["policy"], (row["policy_stream"], row["policy_item"])) for row in rows}


async def beings(
    db: Pool | Transaction, devices: Collection[uuid.UUID]
) -> dict[uuid.UUID, tuple[str | None, str | None, str | None]]:
    """What some devices are now: (system, model, site)."""
    rows = await db.fetch(SQL.beings, list(devices))
    return {row["device_id"]: (row["os"], row["model"], row["site"]) for row in rows}


async def held_facts(tx: Transaction, device: uuid.UUID, secret: bytes) -> Held:
    """The facts that are held of a device. Those that came before digests of them were kept are of no known digest."""
    row = await tx.fetchrow(SQL.held_facts, device)
    if row is None or row["order_item"] == 0:
        return Held((0, 0), b"")
    order = (row["order_stream"], row["order_item"])
    return Held(order, None if row["facts_told"] is None else row["facts_told"] if row["untouched"] else b"")
