"""Records of one device as they pass a stage: from now on, masked, no more than a hand can follow, for a while.

It reads on from where journal and digest stand, twice a second: nothing listens in the way of the data, what is shown was
committed. Free text passes the rules of followers (`pipeline/mask.py`); who taps leaves an event before the first record.
It ends when who asked goes away, or its time is over.
"""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias, cast

import msgspec
from litestar import get
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from eucora import clock, sql
from eucora.batch import LANES, Verdict
from eucora.domains.devices.queries import one
from eucora.domains.telemetry.content import CONTENT, Reader
from eucora.journal.port import shard_of
from eucora.pipeline.mask import masked
from eucora.problems import Refused
from eucora.slice import Pool
from eucora.stores.ports import Line, Parcel, Span
from eucora.stores.postgres import translated
from eucora.web.declare import declared
from eucora.web.given import Given, GivenNow, GivenPool
from eucora.web.streaming import Asking, streamed, wants_rows

SQL = sql.load(__file__, "tap.sql")

EVERY_S = 0.5
AT_ONCE = 25
"""Records of a stage and lane at a look: fifty a second are more than anybody reads."""
STILL_EVERY_S = 10.0
"""So often it is said that nothing passes, so that who listens knows that he is heard."""
LONGEST_S = 900

Stage = Literal["journal", "archive", "dead-letters"]
STAGES: tuple[Stage, ...] = ("journal", "archive", "dead-letters")
AtStage: TypeAlias = Annotated[Stage | None, QueryParameter(description="journal, archive or dead-letters; else all")]
Seconds: TypeAlias = Annotated[int, QueryParameter(ge=1, le=LONGEST_S, description="How long to listen")]


class Passed(Struct, frozen=True):
    """One record. `kind`: batch, metrics, line, span, dead-letter; still: nothing passed; skipped: more than is shown."""

    stage: str
    kind: str
    at: datetime
    place: str
    said: dict[str, Any]


@get("/devices/{device_id:uuid}/tap", opt=declared(CONTENT, "personal"))
async def tap(
    device_id: FromPath[uuid.UUID],
    pool: GivenPool,
    reader: Given[Reader],
    now: GivenNow,
    request: Asking,
    stage: AtStage = None,
    seconds: Seconds = LONGEST_S,
) -> list[Passed]:
    """Records of a device as they pass: as JSON lines for so many seconds, else what passes in half of one."""
    if await one(pool, device_id) is None:
        raise Refused("unknown", "there is no such device")
    await reader.reads("telemetry.tapped", [device_id], stage=stage or "all", seconds=seconds)
    asked = (pool, device_id, STAGES if stage is None else (stage,), now)
    if wants_rows(request):
        return cast("list[Passed]", await streamed(passing(*asked, seconds)))
    return [row async for rows in passing(*asked, EVERY_S) for row in rows]


async def passing(
    pool: Pool, device: uuid.UUID, stages: tuple[Stage, ...], since: datetime, seconds: float
) -> AsyncGenerator[list[Any]]:
    """What passes from now on, twice a second."""
    with translated():
        shard = shard_of(device, await pool.fetchval(SQL.shards))
        at = await _tips(pool, shard)
    yield [Passed("tap", "still", clock.now(), f"{shard}", {"stages": ", ".join(stages)})]
    ends, still_at = clock.monotonic() + seconds, clock.monotonic()
    while clock.monotonic() < ends:
        await asyncio.sleep(min(EVERY_S, max(0.0, ends - clock.monotonic())))
        with translated():
            upto = await _tips(pool, shard)
            found = [x for stage in stages for x in await _between(pool, stage, shard, at, upto, device, since)]
        at = upto
        if not found and clock.monotonic() - still_at > STILL_EVERY_S:
            found = [Passed("tap", "still", clock.now(), f"{shard}", {})]
        if found:
            still_at = clock.monotonic()
            yield found


Tips: TypeAlias = dict[tuple[str, int], int]
"""Position by (appended or digested, lane)."""


async def _tips(pool: Pool, shard: int) -> Tips:
    row = await pool.fetchrow(SQL.tips, shard)
    assert row is not None
    appended, digested = (row["live"], row["replay"]), (row["live_digested"], row["replay_digested"])
    return {(name, lane): both[lane] for name, both in (("a", appended), ("d", digested)) for lane in (0, 1)}


async def _between(
    pool: Pool, stage: Stage, shard: int, at: Tips, upto: Tips, device: uuid.UUID, since: datetime
) -> list[Passed]:
    found: list[Passed] = []
    by = "a" if stage == "journal" else "d"
    for lane in (0, 1):
        stretch = (shard, lane, at[by, lane], upto[by, lane])
        if stretch[2] < stretch[3]:
            rows = [x async for x in _read(pool, stage, stretch, device, since)]
            found += rows[:AT_ONCE]
            if len(rows) > AT_ONCE:
                found.append(
                    Passed(stage, "skipped", clock.now(), f"{shard}/{LANES[lane]}", {"at_least": len(rows) - AT_ONCE})
                )
    return found


async def _read(
    pool: Pool, stage: Stage, stretch: tuple[int, int, int, int], device: uuid.UUID, since: datetime
) -> Any:
    most = AT_ONCE + 1
    place = f"{stretch[0]}/{LANES[stretch[1]]}/"
    if stage == "journal":
        for row in await pool.fetch(SQL.journal, *stretch, device, since, most):
            yield Passed("journal", "batch", row["received"], f"{place}{row['position']}", _batch(row))
    elif stage == "dead-letters":
        for row in await pool.fetch(SQL.letters, *stretch, device, since, most):
            said = {"item": row["ordinal"], "reason": row["reason"], "path": row["path"]}
            yield Passed("dead-letters", "dead-letter", row["received"], f"{place}{row['position']}", said)
    else:
        for kind, statement, told in (
            ("metrics", SQL.metrics, _metrics),
            ("line", SQL.lines, _line),
            ("span", SQL.spans, _span),
        ):
            for row in await pool.fetch(statement, *stretch, device, most):
                yield Passed("archive", kind, row["time"], f"{place}{row['position']}", told(row, device))


def _batch(row: Any) -> dict[str, Any]:
    verdict = None if row["verdict"] is None else msgspec.json.decode(row["verdict"], type=Verdict)
    refused = {} if verdict is None else {"refused": verdict.slug or f"{len(verdict.items)} items"}
    items = f"{row['first_item']} to {row['last_item']}"
    return {"batch": f"{row['stream']}/{row['sequence']}", "items": items, "bytes": row["bytes"], **refused}


def _metrics(row: Any, device: uuid.UUID) -> dict[str, Any]:
    return dict(_named(msgspec.json.decode(row["parts"]), row["values"]))


def _named(parts: list[Any], values: list[float]) -> Iterator[tuple[str, float]]:
    for (name, labels), value in zip(parts, values, strict=True):
        inside = ",".join(f"{key}={label}" for key, label in labels.items())
        yield (f"{name}{{{inside}}}" if inside else name), value


def _line(row: Any, device: uuid.UUID) -> dict[str, Any]:
    shape, fields = msgspec.json.decode(row["parts"]), _decoded(row["fields"])
    own = {name: row[name] for name in ("time", "received", "shape", "marks", "id", "count", "text")}
    whole = Line(device=device, subject=None, fields=fields, **own)
    (told,) = masked(Parcel([whole], {row["shape"]: shape}), "lines").rows
    return {**shape, "text": told.text, "fields": told.fields, "count": told.count}


def _span(row: Any, device: uuid.UUID) -> dict[str, Any]:
    shape, attributes = msgspec.json.decode(row["parts"]), _decoded(row["attributes"])
    own = {name: row[name] for name in ("time", "received", "shape", "marks", "duration_s", "status")}
    ids = {"trace_id": row["trace_id"].hex(), "span_id": row["span_id"].hex(), "parent_id": None}
    whole = Span(device=device, subject=None, attributes=attributes, **own, **ids)
    (told,) = masked(Parcel([whole], {row["shape"]: shape}), "spans").rows
    return {
        **shape,
        "trace": told.trace_id,
        "duration_s": told.duration_s,
        "status": told.status,
        "attributes": told.attributes,
    }


def _decoded(text: str | None) -> dict[str, Any]:
    return msgspec.json.decode(text) if text else {}


ROUTES = (tap,)
