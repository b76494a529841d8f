"""Erasure on request: hidden at once, soon nowhere, whatever killed it in between; and nobody else's numbers change."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
import zstandard
from tests.catalogue import everything, forms, holding
from tests.conformance.journal.place import pass_days
from tests.eucora.archive.test_compact import LONG_AGO, NOW, SOON, close, page, told
from tests.eucora.line import Device, Line

from eucora.archive import compact, merge, query, sweep
from eucora.archive.copies import Copies
from eucora.archive.query import Archive
from eucora.batch import Entry
from eucora.domains.audit import Act
from eucora.domains.identity.forget import forget_user
from eucora.governance.erasure import Eraser, erase, erasures, settle
from eucora.journal.keys import OVERLAP_S
from eucora.journal.postgres import PostgresJournal
from eucora.journal.seal import seal
from eucora.pipeline.normalise import Limits, touches
from eucora.problems import Refused, TryLater
from eucora.stores.s3 import S3Objects
from eucora_wire.payload import Payload
from eucora_wire.sections.device import Device as Facts
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.logs import Line as Said
from eucora_wire.sections.sessions import Session
from eucora_wire.sections.software import Package, Software

EPOCH = uuid.uuid4().int % 10**9
LATER = timedelta(minutes=30)
HOT = timedelta(days=2)
ACT = Act(act="device.erased", audit_class="lifecycle", actor_kind="operator", actor=str(uuid.uuid4()), purpose="asked")
KEPT = {"audit_events", "archive_masks", "erasures", "follower_erasures"}
"""Where an erased device is named still: that it was erased, and the list that says so."""


@pytest.fixture
def archive(line: Line, objects: S3Objects, tmp_path: Path) -> Archive:
    return Archive(line.app, Copies(objects, tmp_path / "copies", 2**26))


@pytest.fixture
def eraser(line: Line, objects: S3Objects) -> Eraser:
    journal = PostgresJournal(line.app, line.keyring, epoch=1, shards=line.journal._shards, objects=objects)
    line.journal, line.house = journal, replace(line.house, journal=journal)
    return Eraser(
        pool=line.app,
        objects=objects,
        keyring=line.keyring,
        shards=line.journal._shards,
        window=timedelta(hours=1),
        audit_days=730,
        touches=partial(touches, Limits(timedelta(days=28), 2**25)),
    )


def payload(device: Device, at: datetime, n: int, person: uuid.UUID | None) -> Payload:
    """Something for every table: samples, a line, facts, a package, a session."""
    said = f"{device.id} said {n}"
    return Payload(
        device_id=device.id,
        timestamp=at,
        hardware=Hardware(cpu=float(n)),
        logs=(Said(uuid.uuid4(), at, "app", said, fields={"n": str(n)}),),
        device=Facts(hostname=f"host-{device.id}", model=f"model-{n}") if n % 3 == 0 else None,
        software=Software(packages=(Package(name="openssl", version=str(n)),)) if n % 3 == 1 else None,
        sessions=(Session(uuid.uuid4(), person, device.id, at),) if person else (),
    )


async def tell(line: Line, device: Device, count: int, days: int = 0, person: uuid.UUID | None = None) -> None:
    times = [NOW - timedelta(days=days, minutes=n) for n in range(count)]
    for n, at in enumerate(times):
        await line.append(device.batch([payload(device, at, n, person)], subject=person))
    await line.append(device.batch([], body=b"[{]", encoding="identity", subject=person))  # a dead letter
    await line.digest()


async def seal_window(line: Line, objects: Any) -> None:
    await close(line)
    await compact.compact(line.app, objects, EPOCH)


async def turn(line: Line, objects: Any, eraser: Eraser, later: timedelta = LATER) -> None:
    """What the scheduler does in the hours after."""
    now = datetime.now(UTC)
    await seal_window(line, objects)
    await compact.drop(line.app, now + later)
    await merge.clean(line.app, objects, EPOCH, now)
    await sweep.delete_replaced(line.app, objects, now + later)
    await merge.clean(line.app, objects, EPOCH, now)
    await settle(eraser, now + later)


async def journal(line: Line) -> list[Entry]:
    """Everything that a new consumer reads."""
    at, found = dict.fromkeys(await line.journal.tips(), 0), list[Entry]()
    while some := await line.journal.read(at, 1_000):
        found += some
        at |= {(entry.shard, entry.lane): entry.position for entry in some}
    return found


async def objects_with(objects: S3Objects, names: list[str], folder: Path) -> list[str]:
    """Objects in which one of these is found: as bytes, in a row of a file, in an entry of a segment."""
    found = []
    async for stored in objects.list(""):
        body = await objects.get(stored.key)
        if body is None or not stored.key.startswith(
            (f"archive/metrics/{EPOCH}", f"archive/lines/{EPOCH}", "journal/1/")
        ):
            continue
        texts = [body]
        if stored.key.endswith(".parquet"):
            path = folder / "object.parquet"
            path.write_bytes(body)
            texts += [str(row).encode() for row in duckdb.sql(f"SELECT r::text FROM '{path}' AS r").fetchall()]
        elif stored.key.endswith(".zst"):
            texts.append(zstandard.ZstdDecompressor().decompress(body))
        if any(form in text.lower() for name in names for form in forms(name) for text in texts):
            found.append(stored.key)
    return found


async def test_an_erased_device_is_in_no_row_no_file_and_no_segment_and_nobody_elses_numbers_change(
    line: Line, database: Any, objects: S3Objects, archive: Archive, eraser: Eraser, tmp_path: Path
) -> None:
    gone, other = await line.enrol(), await line.enrol()
    while gone.id.int % 4 != other.id.int % 4:  # neighbours in the same segments
        other = await line.enrol()
    person = uuid.uuid4()
    for days in (3, 1):
        for device in (gone, other):
            await tell(line, device, 6, days, person)
        await seal_window(line, objects)
    await pass_days(database, 3)
    assert (await seal(line.app, objects, datetime.now(UTC), HOT)).segments
    for device in (gone, other):
        await tell(line, device, 5, 0, person)
    before = await told(archive, other)
    names = [str(gone.id), f"host-{gone.id}"]
    assert len(await objects_with(objects, names, tmp_path)) >= 2

    asked = await erase(eraser, gone.id, None, None, ACT, datetime.now(UTC))
    nothing = await told(archive, gone)
    assert (nothing[0].points, nothing[2], nothing[3].values) == ((), [], ())
    assert await told(archive, other) == before
    assert await line.rows("SELECT count(*) FROM devices WHERE device_id = $1", gone.id) == [(0,)]
    assert {place.store: place.state for place in asked.stores} == {
        "queries": "gone", "postgresql": "gone", "archive": "waiting", "copies": "waiting", "journal": "waiting",
        "audit": "kept",
    }  # fmt: skip
    assert all(place.at is not None and place.at >= asked.asked_at for place in asked.stores)

    for _ in range(3):
        await turn(line, objects, eraser)
    assert await archive.copies.tidy(line.app) > 0
    (shown,) = await erasures(eraser, datetime.now(UTC))
    assert {place.state for place in shown.stores} == {"gone", "kept"}
    tables = {table for table, _ in holding(await everything(database.owner_url), str(gone.id))}
    assert tables <= KEPT
    assert await objects_with(objects, names, tmp_path) == []
    assert not [p for p in (tmp_path / "copies").glob("*") if gone.id.bytes in p.read_bytes()]
    assert await told(archive, other) == before
    entries = await journal(line)
    assert len(entries) == 2 * (7 + 7 + 6)  # nobody sees a hole
    assert {entry.device for entry in entries} == {other.id, uuid.UUID(int=0)}
    assert sum(entry.body is not None for entry in entries) == 7 + 7 + 6


async def test_what_an_erased_device_sends_or_sent_is_not_taken(line: Line, archive: Archive, eraser: Eraser) -> None:
    gone = await line.enrol()
    await line.append(gone.batch([payload(gone, NOW, 1, None)]))
    await erase(eraser, gone.id, None, None, ACT, datetime.now(UTC))
    (late,) = await line.journal.append([gone.batch([payload(gone, NOW, 2, None)])])
    assert late.outcome == "unknown-device"
    await line.digest()  # what was acknowledged before, and not digested
    for table in ("hot_metrics", "device_facts", "software_inventory", "software_state"):
        assert await line.rows(f"SELECT count(*) FROM {table} WHERE device = $1", gone.id) == [(0,)]


async def test_of_an_interval_the_samples_lines_sessions_and_bodies_are_gone_and_the_rest_stays(
    line: Line, database: Any, objects: S3Objects, archive: Archive, eraser: Eraser, tmp_path: Path
) -> None:
    device, person = await line.enrol(), uuid.uuid4()
    await tell(line, device, 10, 1, person)
    since, until = NOW - timedelta(days=1, minutes=6), NOW - timedelta(days=1, minutes=2, seconds=30)
    await erase(eraser, device.id, since, until, ACT, datetime.now(UTC))
    for _ in range(3):
        await turn(line, objects, eraser)
    lines = await page(archive, device, ("log",))
    assert sorted(int(row.fields["n"]) for row in lines) == [0, 1, 2, 7, 8, 9]
    assert await line.rows("SELECT count(*) FROM sessions") == [(6,)]
    entries = await journal(line)
    assert sum(entry.body is not None for entry in entries) == 6 + 1
    assert {entry.device for entry in entries} == {device.id}
    (shown,) = await erasures(eraser, datetime.now(UTC))
    assert {place.state for place in shown.stores} == {"gone", "kept"}


async def test_of_an_interval_bodies_go_from_segments_too(
    line: Line, database: Any, objects: S3Objects, eraser: Eraser
) -> None:
    device = await line.enrol()
    await tell(line, device, 10, 1)
    await pass_days(database, 3)  # its clock then differs from ours by as much: its times count as three days older
    await seal(line.app, objects, datetime.now(UTC), HOT)
    since, until = NOW - timedelta(days=4, minutes=6), NOW - timedelta(days=4, minutes=2, seconds=30)
    await erase(eraser, device.id, since, until, ACT, datetime.now(UTC))
    assert len(await settle(eraser, datetime.now(UTC))) == 1
    entries = await journal(line)
    assert [entry.body is None for entry in sorted(entries, key=lambda e: e.sequence)] == [
        *[False] * 3,
        *[True] * 4,
        *[False] * 4,
    ]


async def test_it_waits_until_everybody_has_read_what_there_was(line: Line, objects: S3Objects, eraser: Eraser) -> None:
    gone = await line.enrol()
    await tell(line, gone, 2)
    await line.append(gone.batch([payload(gone, NOW, 3, None)]))
    await erase(eraser, gone.id, None, None, ACT, datetime.now(UTC))
    assert await settle(eraser, datetime.now(UTC) + LATER) == []
    assert await line.rows("SELECT count(*) FROM journal_entries WHERE device = $1", gone.id) == [(4,)]
    await line.digest()
    assert len(await settle(eraser, datetime.now(UTC) + LATER)) == 1
    assert await line.rows("SELECT count(*) FROM journal_entries WHERE device = $1", gone.id) == [(0,)]


async def test_the_same_again_is_the_same_erasure_with_one_audit_event(line: Line, eraser: Eraser) -> None:
    gone = await line.enrol()
    first = await erase(eraser, gone.id, None, None, ACT, datetime.now(UTC))
    again = await erase(eraser, gone.id, None, None, ACT, datetime.now(UTC))
    assert again.number == first.number
    events = await line.rows("SELECT devices, purpose, detail FROM audit_events WHERE act = 'device.erased'")
    assert [(list(devices), purpose) for devices, purpose, _ in events] == [([gone.id], "asked")]
    assert msgspec.json.decode(events[0][2])["erasure"] == first.number
    with pytest.raises(Refused):
        await erase(eraser, uuid.uuid4(), None, None, ACT, datetime.now(UTC))


class Cut(Exception):
    """The worker dies here."""


class Dying:
    """A store that dies at the n-th call, as a killed worker does."""

    def __init__(self, objects: S3Objects, after: int) -> None:
        self._objects, self._left = objects, after

    def __getattr__(self, name: str) -> Any:
        self._left -= 1
        if self._left < 0:
            raise Cut
        return getattr(self._objects, name)


async def test_whoever_dies_at_any_call_of_the_store_leaves_what_the_next_one_ends(
    line: Line, database: Any, objects: S3Objects, eraser: Eraser, tmp_path: Path
) -> None:
    gone = await line.enrol()
    await tell(line, gone, 3, 1)
    await pass_days(database, 3)
    await seal(line.app, objects, datetime.now(UTC), HOT)
    await erase(eraser, gone.id, None, None, ACT, datetime.now(UTC))
    deaths = 0
    for after in range(20):
        try:
            if await settle(replace(eraser, objects=Dying(objects, after)), datetime.now(UTC) + LATER):
                break
        except Cut:
            deaths += 1
    assert deaths >= 3
    assert await objects_with(objects, [str(gone.id)], tmp_path) == []
    assert await line.rows("SELECT count(*) FROM journal_replaced") == [(0,)]


async def test_a_store_that_is_away_is_waited_for(
    line: Line, database: Any, objects: S3Objects, eraser: Eraser
) -> None:
    gone = await line.enrol()
    await tell(line, gone, 3, 1)
    await pass_days(database, 3)
    await seal(line.app, objects, datetime.now(UTC), HOT)
    await erase(eraser, gone.id, None, None, ACT, datetime.now(UTC))

    class Away:
        async def get(self, key: str, version: str | None = None) -> bytes | None:
            raise TryLater("store-unavailable", "away")

    with pytest.raises(TryLater):
        await settle(replace(eraser, objects=Away()), datetime.now(UTC) + LATER)  # type: ignore[arg-type]
    assert len(await settle(eraser, datetime.now(UTC) + LATER)) == 1


async def test_the_row_of_a_destroyed_key_goes_only_when_every_process_has_heard(line: Line, eraser: Eraser) -> None:
    gone = await line.enrol()
    await tell(line, gone, 1)
    await erase(eraser, gone.id, None, None, ACT, datetime.now(UTC))
    assert await settle(eraser, datetime.now(UTC) + timedelta(seconds=OVERLAP_S / 2)) == []
    assert await line.rows("SELECT destroyed_at IS NULL FROM journal_keys WHERE owner = $1", gone.id) == [(False,)]
    assert len(await settle(eraser, datetime.now(UTC) + timedelta(seconds=2 * OVERLAP_S))) == 1
    assert await line.rows("SELECT 1 FROM journal_keys WHERE owner = $1", gone.id) == []


async def test_what_an_erased_person_wrote_leaves_the_files_and_the_devices_own_rows_stay(
    line: Line, database: Any, objects: S3Objects, archive: Archive, eraser: Eraser, tmp_path: Path
) -> None:
    device, person, other = await line.enrol(), uuid.uuid4(), uuid.uuid4()
    for user in (person, other):
        await line.rows("INSERT INTO users (user_id, account_pseudonym) VALUES ($1, $2)", user, user.bytes)
        await line.rows("INSERT INTO subjects (subject, user_id) VALUES ($1, $1)", user)
    for n, subject in enumerate((person, other, None)):
        at = NOW - timedelta(minutes=n)
        said = Payload(
            device_id=device.id,
            timestamp=at,
            hardware=Hardware(cpu=float(n)),
            logs=(Said(uuid.uuid4(), at, "app", f"secret of {subject}", fields={"by": f"hand of {subject}"}),),
        )
        await line.append(device.batch([said], subject=subject))
    await line.digest()
    await seal_window(line, objects)
    secret = [f"secret of {person}", f"hand of {person}", str(person)]
    assert await objects_with(objects, secret, tmp_path)
    act = msgspec.structs.replace(ACT, act="subject.forgotten")
    for _ in range(2):
        await forget_user(line.app, line.keyring, person, act, datetime.now(UTC))
    await turn(line, objects, eraser)
    assert await objects_with(objects, secret, tmp_path) == []
    lines = await page(archive, device, ("log",))
    kept = [(f"secret of {other}", other), ("secret of None", None)]
    assert [(row.text, row.subject) for row in lines] == [("", None), *kept]
    cpu = await query.series(archive, device.id, query.resolve("cpu"), LONG_AGO, SOON, 100)
    assert len(cpu.points) == 3
    (shown,) = await erasures(eraser, datetime.now(UTC))
    assert (shown.subject, shown.device) == (person, None)
    assert {place.state for place in shown.stores} == {"gone", "kept"}


async def test_hot_lines_of_an_erased_person_become_files_without_what_they_wrote(
    line: Line, objects: S3Objects, eraser: Eraser, tmp_path: Path
) -> None:
    device, person = await line.enrol(), uuid.uuid4()
    await line.rows("INSERT INTO users (user_id, account_pseudonym) VALUES ($1, $2)", person, person.bytes)
    await line.rows("INSERT INTO subjects (subject, user_id) VALUES ($1, $1)", person)
    await line.append(device.batch([payload(device, NOW, 1, None)], subject=person))
    await line.digest()
    await forget_user(line.app, line.keyring, person, ACT, datetime.now(UTC))
    await seal_window(line, objects)
    assert await objects_with(objects, [f"{device.id} said", str(person)], tmp_path) == []
    assert await objects_with(objects, [str(device.id)], tmp_path)
