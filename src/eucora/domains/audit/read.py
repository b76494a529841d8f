"""Reading the trail: rows become events again; the whole trail as a stream, in pages or as JSON lines."""

import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from eucora.domains.audit.chain import plain
from eucora.domains.audit.records import Event, Head
from eucora.domains.audit.write import SQL
from eucora.slice import Pool

AT_ONCE = 1000
LAST = 2**62


class Filter(Struct, frozen=True):
    """What to list; an absent one lets everything through. `act` is a prefix: `token` or `device.enrolled`."""

    act: str | None = None
    audit_class: str | None = None
    actor: str | None = None
    device: uuid.UUID | None = None
    outcome: str | None = None
    since: datetime | None = None


def event_of(row: Mapping[str, Any]) -> Event:
    """A row as an event."""
    values = dict(row)
    values["audit_class"] = values.pop("class")
    values["devices"] = tuple(values["devices"])
    values["detail"] = msgspec.json.decode(values["detail"])
    return Event(**values)


async def page(pool: Pool, chosen: Filter, before: int | None, limit: int) -> list[Event]:
    """Newest first, below position `before`."""
    given = msgspec.structs.astuple(chosen)
    rows = await pool.fetch(SQL.events_before, LAST if before is None else before, limit, *given)
    return [event_of(row) for row in rows]


async def trail(pool: Pool) -> AsyncIterator[Event | Head]:
    """Every event in order, each signed head right behind its event."""
    installation = await pool.fetchval(SQL.installation)
    after = 0
    while rows := await pool.fetch(SQL.events_after, after, AT_ONCE):
        upto = rows[-1]["position"]
        first = rows[0]["position"] - 2 if after == 0 else after
        heads = {r["position"]: r for r in await pool.fetch(SQL.heads_between, first, upto)}
        for position in [p for p in heads if p < rows[0]["position"]]:
            yield Head(installation=installation, **heads.pop(position))
        for row in rows:
            yield event_of(row)
            if row["position"] in heads:
                yield Head(installation=installation, **heads[row["position"]])
        after = upto


async def lines(pool: Pool) -> AsyncIterator[bytes]:
    """The trail as JSON lines: {"event": …} and {"head": …}. `verify_lines` checks them without a database."""
    async for record in trail(pool):
        kind = "event" if isinstance(record, Event) else "head"
        yield msgspec.json.encode({kind: plain(record)}) + b"\n"
