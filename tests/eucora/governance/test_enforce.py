"""What has expired goes, what has not stays, the trail says which, and a worker that dies leaves nothing wrong."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from tests.eucora.archive.test_compact import close, tell, told
from tests.eucora.line import Device, Line

from eucora.archive import compact, masks, sweep
from eucora.archive.lines import Lines
from eucora.archive.query import Archive
from eucora.domains.audit import Act, record, verify
from eucora.domains.telemetry import queries as telemetry
from eucora.governance.enforce import Keeper, enforce
from eucora.journal.founding import add_consumer
from eucora.journal.seal import seal as journal_seal
from eucora_wire.payload import Payload
from eucora_wire.sections import logs
from eucora_wire.sections.deployments import Deployment

NOW = datetime.now(UTC)
PARTS = "SELECT keep_partitions($1::date)"
PAST, LATER = NOW - timedelta(days=30), NOW + timedelta(hours=1)


def days(n: float) -> datetime:
    """From now on. The journal and the archive give out today's times; so it is the turn that comes later."""
    return datetime.now(UTC) + timedelta(days=n)


async def seal(line: Line, keeper: Keeper) -> None:
    await close(line)
    await compact.compact(line.app, keeper.objects, keeper.epoch)


async def turn(keeper: Keeper, at: datetime) -> int:
    await keeper.pool.execute(PARTS, at.date())  # in which the turn's own events lie
    return await enforce(keeper, at)


async def turns(keeper: Keeper, at: datetime) -> None:
    for _ in range(50):
        if not await turn(keeper, at):
            return
    raise AssertionError("there is always more")


async def events(line: Line, name: str = "") -> list[dict[str, Any]]:
    rows = await line.rows("SELECT detail::text FROM audit_events WHERE act = 'retention.expired' ORDER BY position")
    found = [msgspec.json.decode(text) for (text,) in rows]
    return [detail for detail in found if not name or detail["class"] == name]


def with_days(keeper: Keeper, **changes: Any) -> Keeper:
    table = {n: msgspec.structs.replace(each, **changes.get(n, {})) for n, each in keeper.table.items()}
    return Keeper(keeper.pool, keeper.objects, keeper.epoch, keeper.audit, table)


async def current(line: Line, kind: str) -> int:
    return int(
        await line.app.fetchval(
            "SELECT coalesce(sum(rows), 0) FROM archive_files WHERE kind = $1 AND replaced_at IS NULL", kind
        )
    )


async def test_files_go_when_their_period_is_over_and_not_a_day_before_and_the_trail_counts_them(
    line: Line, keeper: Keeper, archive: Archive
) -> None:
    device = await line.enrol()
    await tell(line, device, 20, days=3)
    await seal(line, keeper)
    before = await told(archive, device)
    await turns(keeper, days(89.9))
    assert await told(archive, device) == before
    assert await events(line, "metrics") == []
    await turns(keeper, days(90.1))
    assert (await current(line, "metrics"), await current(line, "lines")) == (0, 20)
    (event,) = await events(line, "metrics")
    assert (event["store"], event["files"], event["rows"]) == ("archive", 1, 20)
    assert event["since"][:10] == event["until"][:10] == str((datetime.now(UTC) - timedelta(days=3)).date())
    await sweep.delete_replaced(line.app, keeper.objects, days(91))
    left = [s.key async for s in keeper.objects.list(f"archive/metrics/{keeper.epoch}/")]
    assert left == []
    await turns(keeper, days(181))
    assert await current(line, "lines") == 0


async def test_by_the_clock_of_events_what_came_late_goes_as_early_as_what_came_at_once(
    line: Line, keeper: Keeper
) -> None:
    device = await line.enrol()
    await tell(line, device, 5, days=20)
    await tell(line, device, 5)
    await seal(line, keeper)
    by_event = with_days(keeper, metrics={"clock": "event"})
    await turns(by_event, days(71))
    assert await current(line, "metrics") == 5
    await turns(keeper, days(71))
    assert await current(line, "metrics") == 5, "received today, so it may stay by the other clock"


async def test_what_is_held_never_goes(line: Line, keeper: Keeper) -> None:
    device = await line.enrol()
    await tell(line, device, 5)
    await seal(line, keeper)
    await turns(with_days(keeper, metrics={"hold": True}, inventory={"hold": True}), days(9_000))
    assert (await current(line, "metrics"), await current(line, "lines")) == (5, 0)
    assert "metrics" not in {event["class"] for event in await events(line)}


def mixed(device: Device, n: int) -> Payload:
    """A log line and a deployment, which are kept for 180 and for 365 days."""
    at = NOW - timedelta(minutes=n)
    log = logs.Line(uuid.uuid4(), at, "kernel", f"line {n}")
    job = Deployment(uuid.uuid4(), at, "office", "succeeded")
    return Payload(device_id=device.id, timestamp=at, logs=(log,), deployments=(job,))


async def kinds(archive: Archive, device: Device) -> list[str]:
    asks = Lines(since=PAST, until=LATER, kinds=("log", "deployment"), devices=[device.id])
    some = await telemetry.lines(archive, asks, 1_000)
    return sorted(row.kind for row in some)


async def test_lines_whose_class_is_over_leave_a_file_that_holds_others_once(
    line: Line, keeper: Keeper, archive: Archive
) -> None:
    device = await line.enrol()
    await line.append(device.batch([mixed(device, n) for n in range(6)]))
    await line.digest()
    await seal(line, keeper)
    assert await kinds(archive, device) == ["deployment"] * 6 + ["log"] * 6
    await turns(keeper, days(181))
    assert await kinds(archive, device) == ["deployment"] * 6
    (event,) = [e for e in await events(line) if e["class"] == "logs"]
    assert (event["files"], event["rows"]) == (0, 6)
    written = await line.rows("SELECT object FROM archive_files")
    await turns(keeper, days(182))
    assert await line.rows("SELECT object FROM archive_files") == written, "nothing is written again twice"
    await turns(keeper, days(366))
    assert await kinds(archive, device) == []


async def test_a_mask_outlives_what_it_hides_and_is_respected_by_what_is_written_again(
    line: Line, keeper: Keeper, archive: Archive
) -> None:
    erased, other = await line.enrol(), await line.enrol()
    for device in (erased, other):
        await line.append(device.batch([mixed(device, n) for n in range(3)]))
    await line.digest()
    await seal(line, keeper)
    await masks.erase(line.app, erased.id, None, None, NOW + timedelta(minutes=1))
    await turns(keeper, days(181))
    assert (await kinds(archive, erased), await kinds(archive, other)) == ([], ["deployment"] * 3)
    assert await current(line, "lines") == 3
    await turns(keeper, days(9_000))
    assert await line.rows("SELECT count(*)::int FROM archive_masks") == [(1,)]


LETTER = """
    INSERT INTO dead_letters (id, stream, stream_number, ordinal, device, shard, lane, position, received, reason)
    VALUES (gen_random_uuid(), gen_random_uuid(), 1, 1, gen_random_uuid(), 0, 0, 1, $1, 'schema')
"""


async def test_dead_letters_go_by_months_when_the_youngest_of_a_month_is_old_enough(line: Line, keeper: Keeper) -> None:
    now = datetime(2026, 10, 15, tzinfo=UTC)
    await line.app.execute(PARTS, date(2026, 3, 1))
    for month in (2, 3, 4):
        for day in (1, 28):
            await line.app.execute(LETTER, datetime(2026, month, day, tzinfo=UTC))
    for day, left in ((29, [(3,), (3,), (4,), (4,)]), (30, [(4,), (4,)])):
        await turns(keeper, datetime(2026, 6, day, 12, tzinfo=UTC))
        assert await line.rows("SELECT extract(month FROM received)::int FROM dead_letters ORDER BY 1") == left
    assert [e["rows"] for e in await events(line, "dead_letters")] == [2, 2]
    await turns(keeper, now)
    assert await line.rows("SELECT count(*)::int FROM dead_letters") == [(0,)]


async def test_an_incident_goes_a_year_after_it_was_over_and_one_that_lasts_stays(line: Line, keeper: Keeper) -> None:
    device = await line.enrol()
    add = "INSERT INTO incidents (kind, severity, device, opened_at, closed_at, detail) VALUES ($1, 'S1', $2, $3, $4, '{}')"
    for kind, closed in (("clone", None), ("clone", days(1)), ("items-lost", days(20))):
        await line.app.execute(add, kind, device.id, days(0), closed)
    await turns(keeper, days(372))
    assert await line.rows("SELECT kind FROM incidents ORDER BY number") == [("clone",), ("items-lost",)]
    assert [event["rows"] for event in await events(line, "incidents")] == [1]


async def test_no_month_goes_into_which_a_late_digest_may_still_write(line: Line, keeper: Keeper) -> None:
    await line.app.execute(PARTS, date(2026, 3, 1))
    await line.app.execute(LETTER, datetime(2026, 3, 1, tzinfo=UTC))
    device = await line.enrol()
    await line.append(device.batch([mixed(device, 1)]))
    await line.app.execute("UPDATE cursors SET received = '2026-03-02Z'")
    await turns(keeper, days(300))
    assert await line.rows("SELECT count(*)::int FROM dead_letters") == [(1,)]
    await line.digest()
    await turns(keeper, days(300))
    assert await line.rows("SELECT count(*)::int FROM dead_letters") == [(0,)]


async def test_a_session_that_was_told_of_lately_keeps_its_month(line: Line, keeper: Keeper) -> None:
    await line.app.execute(PARTS, date(2025, 3, 1))
    session = """
        INSERT INTO sessions (session_id, user_id, device_id, start, order_stream, order_item, event_time, received_at)
        VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), $1, 1, 1, $1, $2)
    """
    long_ago = datetime(2025, 3, 5, tzinfo=UTC)
    await line.app.execute(session, long_ago, long_ago)
    await line.app.execute(session, long_ago, NOW)
    await line.app.execute(session, datetime(2019, 1, 1, tzinfo=UTC), long_ago)  # of a time without a partition
    await turns(keeper, NOW)
    assert await line.rows("SELECT count(*)::int FROM sessions") == [(2,)]
    await turns(keeper, days(366))
    assert await line.rows("SELECT count(*)::int FROM sessions") == [(0,)]


async def test_what_is_true_of_a_device_stays_however_old_and_what_was_goes(line: Line, keeper: Keeper) -> None:
    device = await line.enrol()
    fact = "INSERT INTO device_facts VALUES ($1, 'os_version', 1, $2, $3, $4, $4)"
    for item, (version, at) in enumerate((("11", -800), ("12", -700), ("13", -300))):
        await line.app.execute(fact, device.id, item, version, days(at))
    package = """
        INSERT INTO software_inventory (device, source, name, architecture, version, present, order_stream, order_item,
                                        event_time, received_at)
        VALUES ($1, 'dpkg', $2, 'amd64', '1', $3, 1, 1, $4, $4)
    """
    for name, present, at in (("here", True, -900), ("gone", False, -900), ("lately", False, -10)):
        await line.app.execute(package, device.id, name, present, days(at))
    await turns(keeper, days(0))
    assert await line.rows("SELECT value FROM device_facts ORDER BY order_item") == [("12",), ("13",)]
    assert await line.rows("SELECT name FROM software_inventory ORDER BY 1") == [("here",), ("lately",)]
    assert [e["rows"] for e in await events(line, "inventory")] == [2]


async def grow_old(line: Line, owner_url: str, n: int) -> None:
    """The journal's entries were received `n` days ago."""
    await line.app.execute(PARTS, datetime.now(UTC).date() - timedelta(days=n))
    owner = await asyncpg.connect(owner_url)
    try:
        for table in ("journal_entries", "journal_digests"):
            await owner.execute(f"UPDATE {table} SET received = received - $1::interval", timedelta(days=n))
    finally:
        await owner.close()


async def journal_left(line: Line, keeper: Keeper) -> tuple[int, int]:
    """Segments named and objects stored."""
    named = await line.app.fetchval("SELECT count(*)::int FROM journal_segments")
    (epoch,) = await line.app.fetchrow("SELECT epoch FROM platform")
    rows = [row["object"] for row in await line.app.fetch("SELECT object FROM journal_segments")]
    stored = {s.key async for s in keeper.objects.list(f"journal/{epoch}/")}
    return named, len(stored & set(rows))


async def test_segments_go_when_all_have_read_them_and_who_begins_to_read_begins_behind_them(
    line: Line, keeper: Keeper, database: Any
) -> None:
    device = await line.enrol()
    await line.append(*[device.batch([mixed(device, n)]) for n in range(3)])
    await grow_old(line, database.owner_url, 10)
    await line.append(device.batch([mixed(device, 9)]))
    await line.digest()
    async with line.app.acquire() as tx, tx.transaction():
        await add_consumer(tx, "slow")
    await line.app.execute("UPDATE cursors SET received = now() WHERE consumer = 'slow'")
    await journal_seal(line.app, keeper.objects, datetime.now(UTC), timedelta(days=2))
    assert (await journal_left(line, keeper))[0] == 1
    await turns(keeper, days(90))
    assert (await journal_left(line, keeper))[0] == 1, "somebody has not read it, and its day is not dropped"
    await line.app.execute("UPDATE cursors SET position = 4 WHERE consumer = 'slow' AND position = 0")
    await journal_seal(line.app, keeper.objects, datetime.now(UTC), timedelta(days=2))
    await turns(keeper, days(79))
    assert await journal_left(line, keeper) == (1, 1)
    await turns(keeper, days(81))
    assert await journal_left(line, keeper) == (0, 0)
    (event,) = await events(line, "segments")
    assert event["segments"] == 1
    async with line.app.acquire() as tx, tx.transaction():
        await add_consumer(tx, "new")
    after = await cursors_of(line, "new")
    assert max(after.values()) == 3
    assert len(await line.journal.read(after, 100)) == 1, "what was kept is read on"
    await grow_old(line, database.owner_url, 3)
    await journal_seal(line.app, keeper.objects, datetime.now(UTC), timedelta(days=2))
    assert (await journal_left(line, keeper))[0] == 1, "sealing goes on behind what went"


async def cursors_of(line: Line, consumer: str) -> dict[tuple[int, int], int]:
    rows = await line.app.fetch("SELECT shard, lane, position FROM cursors WHERE consumer = $1", consumer)
    return {(row["shard"], row["lane"]): row["position"] for row in rows}


def act(n: int) -> Act:
    return Act(act=f"test.{n}", audit_class="system", actor_kind="platform", actor="test")


async def tell_trail(line: Line, *moments: datetime) -> None:
    for n, at in enumerate(moments):
        async with line.app.acquire() as tx, tx.transaction():
            await record(tx, at, [act(n)])


async def test_of_a_trail_whose_first_months_went_every_row_is_still_proved(line: Line, keeper: Keeper) -> None:
    await line.app.execute(PARTS, date(2024, 3, 1))
    await tell_trail(line, *(datetime(2024, month, 3, tzinfo=UTC) for month in (2, 2, 3)), NOW)
    await turns(keeper, NOW)
    assert await line.rows("SELECT min(position)::int FROM audit_events") == [(4,)]
    verdict = await verify(line.app, line.secrets.audit.public_key(), keeper.objects)
    assert verdict.faults == ()
    assert [e["rows"] for e in await events(line, "audit")][:2] == [2, 1]


async def test_events_that_lie_behind_their_neighbours_at_the_border_of_a_month_leave_no_hole(
    line: Line, keeper: Keeper
) -> None:
    await line.app.execute(PARTS, date(2024, 3, 1))
    border = datetime(2024, 3, 1, tzinfo=UTC)
    await tell_trail(
        line, border - timedelta(hours=1), border + timedelta(seconds=2), border - timedelta(seconds=2), NOW
    )
    key = line.secrets.audit.public_key()
    await turn(keeper, border + timedelta(days=730, seconds=1))
    assert await line.rows("SELECT min(position)::int FROM audit_events") == [(1,)], (
        "one of them is too young by a second"
    )
    for at in (border + timedelta(days=730, seconds=5), border + timedelta(days=800)):
        await turns(keeper, at)
        assert (await verify(line.app, key)).faults == ()
    assert await line.rows("SELECT min(position)::int FROM audit_events") == [(4,)]


async def test_the_database_drops_no_month_of_the_trail_for_which_no_head_vouches(line: Line) -> None:
    await line.app.execute(PARTS, date(2024, 3, 1))
    await tell_trail(line, datetime(2024, 2, 3, tzinfo=UTC), NOW)
    assert await line.rows("SELECT * FROM drop_audit_month($1)", NOW) == []
    assert await line.rows("SELECT count(*)::int FROM audit_events") == [(2,)]


@pytest.mark.parametrize("table", ["journal_entries", "audit_events", "devices", "pg_class"])
async def test_no_other_table_is_dropped_by_months(line: Line, table: str) -> None:
    with pytest.raises(asyncpg.RaiseError):
        await line.app.execute("SELECT drop_expired_month($1, now())", table)
