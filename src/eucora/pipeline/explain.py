"""One batch and its whole way: sealed, sent, received, digested, kept, told; what became of it where, and when.

Nothing of what it says is shown: counts, times and places alone.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from eucora.batch import CORRECTED, CUT, LANES, LATE, UNCERTAIN, Entry
from eucora.clock import from_ms
from eucora.pipeline.house import House
from eucora.pipeline.normalise import normalise
from eucora.problems import Refused
from eucora.sql import load
from eucora.stores.postgres import translated
from eucora_wire.sequence import parse_items

SQL = load(__file__, "explain.sql")
Place = tuple[int, int, int]
"""(shard, lane, position)."""
MARKS = {
    CORRECTED: "time corrected",
    UNCERTAIN: "the correction is a guess",
    LATE: "late",
    CUT: "cut to when it was received",
}


class Step(Struct, frozen=True):
    """One step of the way; `at` None: it is not known when, or it has not happened yet (`done` false)."""

    name: str
    done: bool
    at: datetime | None
    said: str


class Explained(Struct, frozen=True, kw_only=True):
    """Which batch, and its way in order."""

    place: str
    device: uuid.UUID
    stream: uuid.UUID
    sequence: int
    steps: tuple[Step, ...]


async def find(house: House, batch: str) -> Place:
    """A batch as people name it: STREAM:SEQUENCE, or SHARD/LANE/POSITION. Raises Refused."""
    try:
        if ":" in batch:
            stream, _, sequence = batch.partition(":")
            wanted = (uuid.UUID(stream), int(sequence))
        else:
            shard, lane, position = batch.split("/")
            number = LANES.index(lane) if lane in LANES else int(lane)
            return int(shard), number, int(position)
    except ValueError as exc:
        raise Refused("bad-request", "a batch is STREAM:SEQUENCE, or SHARD/LANE/POSITION") from exc
    with translated():
        row = await house.app.fetchrow(SQL.place_of, *wanted)
    if row is None:
        raise Refused("unknown", "no such batch was received, or its digest is older than a spool keeps data")
    return row["shard"], row["lane"], row["position"]


async def explain(house: House, batch: str) -> Explained:
    """Its way so far. Raises Refused (unknown), TryLater."""
    shard, lane, position = place = await find(house, batch)
    if not (0 <= shard < 2**15 and 0 <= lane < len(LANES) and 0 < position < 2**62):
        raise Refused("unknown", "there is no such place")
    found = await house.journal.read({(shard, lane): position - 1}, 1)
    entry = found[0] if found and found[0].position == position else None
    if entry is None or not entry.headers:
        raise Refused("unknown", "the journal does not hold it (any more)")
    with translated():
        kept = [step for step in (_sealed(entry), _sent(entry), _received(entry)) if step is not None]
        return Explained(
            place=f"{shard}/{LANES[lane]}/{position}",
            device=entry.device,
            stream=entry.stream,
            sequence=entry.sequence,
            steps=(*kept, *await _digested(house, place, entry), *await _stored(house, place, entry)),
        )


def _sealed(entry: Entry) -> Step:
    headers = entry.headers
    items = parse_items(headers["eucora-items"])
    who = "under a person's key" if entry.subject is not None else "under the device's key"
    said = f"items {items.first} to {items.last}, {items.carried_count()} carried, {who}"
    return Step("sealed", True, from_ms(int(headers["eucora-clock"])), said)


def _sent(entry: Entry) -> Step | None:
    if entry.sent is None:
        return None
    return Step("sent", True, from_ms(entry.sent.wall_ms), "by the device's own clock, as the one before")


def _received(entry: Entry) -> Step:
    said = "signature, digest and installation hold"
    if entry.verdict is not None:
        said = f"the signature holds; found wrong: {entry.verdict.slug or f'{len(entry.verdict.items)} items'}"
    return Step("received", True, entry.received, f"{said}; committed with fsync, acknowledged")


async def _digested(house: House, place: Place, entry: Entry) -> Sequence[Step]:
    done = int(await house.app.fetchval(SQL.digested, *place[:2]) or 0) >= entry.position
    if entry.body is None:
        gone = "its key is destroyed" if entry.key_no is not None else "its body was not kept"
        return [Step("digested", done, None, gone)]
    normal = normalise([entry], house.limits)
    shift = max((abs(item.shift_ms) for item in normal.items), default=0)
    marks = sorted({text for item in normal.items for bit, text in MARKS.items() if item.marks & bit})
    times = [item.time for item in normal.items]
    span = f", of {min(times):%Y-%m-%d %H:%M:%S} to {max(times):%H:%M:%S}" if times else ""
    moved = f"; moved by {timedelta(milliseconds=shift)}" if shift else ""
    said = (
        f"{len(normal.items)} items{span}, {len(normal.dead)} refused{moved}{'; ' + ', '.join(marks) if marks else ''}"
    )
    letters = await house.app.fetch(SQL.letters, *place, entry.received)
    told = [f"item {row['ordinal']}: {row['reason']} at {row['path']}, {row['state']}" for row in letters]
    queryable = await house.app.fetchval(SQL.queryable_at, *place)
    return [Step("digested", done, queryable, said), *(Step("dead letter", True, None, text) for text in told)]


async def _stored(house: House, place: Place, entry: Entry) -> Sequence[Step]:
    rows, window = await house.app.fetchrow(SQL.rows, *place), await house.app.fetchrow(SQL.window, *place)
    assert rows is not None
    hot = f"hot rows: {rows['metrics']} of metrics, {rows['lines']} of lines, {rows['spans']} of spans"
    if window is None:
        steps = [Step("archive", sum(rows.values()) > 0, None, f"in the open window; {hot}")]
    else:
        sealed = window["sealed_at"]
        where = "in files" if sealed else "waits to become files"
        left = "" if window["dropped_at"] else f"; {hot}"
        steps = [Step("archive", True, sealed or window["closed_at"], f"window {window['window']}, {where}{left}")]
    segment = await house.app.fetchrow(SQL.segment, *place)
    if segment is not None:
        steps.append(Step("segment", True, segment["created_at"], segment["object"]))
    followers = await house.app.fetch(SQL.followers, *place)
    return [
        *steps,
        *(Step(f"told to {row['follower']}", row["told"], None, "" if row["told"] else "waits") for row in followers),
    ]
