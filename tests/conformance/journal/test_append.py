"""What every journal promises of appending: receipts, duplicates, forks, gaps, erasure, revocation."""

import asyncio
import uuid

import asyncpg
from tests.conformance.journal.device import SENT, Device, sealed
from tests.conformance.journal.place import SHARDS, Place

from eucora.batch import Verdict
from eucora.clock import EPOCH
from eucora.journal import signers
from eucora.journal.port import shard_of

EVERYWHERE = {(shard, lane): 0 for shard in range(SHARDS) for lane in (0, 1)}


def outcomes(results):
    return [result.outcome for result in results]


async def test_what_was_appended_is_read_as_it_came(place: Place):
    device, subject = await place.device(), uuid.uuid4()
    batch = device.seal(body=b'[{"a":1}]', subject=subject, verdict=Verdict("schema"))
    (appended,) = await place.journal.append([batch])
    (entry,) = await place.journal.read(EVERYWHERE, 10)
    receipt = appended.receipt
    assert (receipt.epoch, receipt.shard, receipt.lane, receipt.position) == (1, shard_of(device.id, SHARDS), "live", 1)
    assert (entry.shard, entry.lane, entry.position, entry.received) == (receipt.shard, 0, 1, receipt.received)
    assert (entry.device, entry.stream, entry.stream_number, entry.sequence) == (device.id, device.stream, 1, 1)
    assert (entry.subject, entry.keyid, entry.digest) == (subject, device.keyid, batch.signed.batch_digest)
    assert (entry.body, entry.verdict, entry.epoch) == (batch.body, batch.verdict, 1)
    assert entry.headers["eucora-sequence"] == "1"
    assert f"{entry.sent.boot.id};t={entry.sent.boot.uptime_ms};w={entry.sent.wall_ms}" == SENT


async def test_each_lane_counts_for_itself(place: Place):
    device = await place.device()
    live, replay = device.seal(), device.seal(lane="replay")
    results = await place.journal.append([live, replay])
    assert [(r.receipt.lane, r.receipt.position) for r in results] == [("live", 1), ("replay", 1)]
    tips = await place.journal.tips()
    shard = shard_of(device.id, SHARDS)
    assert tips[shard, 0] == tips[shard, 1] == 1
    assert sum(tips.values()) == 2


async def test_the_same_batch_five_times_counts_once_and_keeps_its_receipt(place: Place):
    device = await place.device()
    batch = device.seal()
    first, *together = await place.journal.append([batch, batch])
    later = [r for _ in range(3) for r in await place.journal.append([batch])]
    assert first.outcome == "appended"
    assert outcomes(together + later) == ["duplicate"] * 4
    assert {r.receipt for r in together + later} == {first.receipt}
    assert len(await place.journal.read(EVERYWHERE, 10)) == 1


async def test_another_body_under_a_used_sequence_is_a_fork_and_neither_is_heard_from_then_on(place: Place):
    device = await place.device()
    batch = device.seal()
    await place.journal.append([batch])
    other = sealed(device.id, device.keyid, device.stream, 1, "none", body=b"other")
    assert outcomes(await place.journal.append([other])) == ["fork"]
    assert outcomes(await place.journal.append([batch, device.seal()])) == ["duplicate", "fork"]
    assert [e.body for e in await place.journal.read(EVERYWHERE, 10)] == [b"1"]


async def test_a_neighbour_that_does_not_fit_is_a_fork(place: Place):
    device = await place.device()
    first, second = device.chain(2)
    forged = sealed(device.id, device.keyid, device.stream, 3, first.seal.previous)
    assert outcomes(await place.journal.append([first, second, forged])) == ["appended", "appended", "fork"]


async def test_a_stream_belongs_to_one_device(place: Place):
    mine, theirs = await place.device(), await place.device()
    await place.journal.append([mine.seal()])
    theirs.stream = mine.stream
    assert outcomes(await place.journal.append([theirs.seal()])) == ["fork"]
    assert outcomes(await place.journal.append([mine.seal()])) == ["appended"]


async def test_two_devices_that_begin_one_stream_at_once_do_not_both_get_it(place: Place):
    journals = [place.journal, await place.open_another()]
    for _ in range(10):
        stream = uuid.uuid4()
        devices = [Device(stream=stream) for _ in range(2)]
        await place.enrol(*devices)
        results = await asyncio.gather(*(j.append([d.seal()]) for j, d in zip(journals, devices, strict=True)))
        assert sorted(r.outcome for (r,) in results) == ["appended", "fork"]


async def test_unknown_and_revoked_devices_write_nothing(place: Place):
    stranger, known = Device(), await place.device()
    foreign = sealed(stranger.id, known.keyid, stranger.stream, 1, "none")
    assert outcomes(await place.journal.append([stranger.seal(), foreign])) == ["unknown-device", "unknown-device"]
    assert await signers.revoke(place.app, known.id) == 1
    assert outcomes(await place.journal.append([known.seal()])) == ["revoked-device"]
    assert await place.journal.read(EVERYWHERE, 10) == []


async def test_a_replaced_key_still_counts(place: Place):
    device = await place.device()
    await signers.replace(place.app, device.keyid)
    assert outcomes(await place.journal.append([device.seal()])) == ["appended"]


async def test_nothing_of_a_device_is_committed_after_its_revocation(place: Place):
    """Appends race with the revocation: whatever was acknowledged is below what was there when it returned."""
    device = await place.device()
    batches, taken, under_way = device.chain(60), [], asyncio.Event()

    async def send():
        for batch in batches:
            taken.extend(await place.journal.append([batch]))
            if len(taken) == 5:
                under_way.set()

    sending = asyncio.create_task(send())
    await under_way.wait()
    await signers.revoke(place.app, device.id)
    tip = max((await place.journal.tips()).values())
    await sending
    assert max((await place.journal.tips()).values()) == tip
    assert outcomes(taken).count("appended") == tip
    assert outcomes(taken)[-1] == "revoked-device"


async def test_an_erased_subject_is_consumed_without_its_body_and_gets_no_new_key(place: Place):
    device, subject = await place.device(), uuid.uuid4()
    before = device.seal(subject=subject, body=b"mine")
    await place.journal.append([before])
    assert await place.keyring.destroy("subject", [subject]) == 1
    (after,) = await place.journal.append([device.seal(subject=subject, body=b"mine too")])
    assert (after.outcome, after.erased) == ("appended", True)
    entries = await place.journal.read(EVERYWHERE, 10)
    assert [(e.body, e.subject, e.sequence) for e in entries] == [(None, subject, 1), (None, subject, 2)]
    assert all(e.key_no is not None and e.verdict is None for e in entries)
    assert entries[0].digest == before.signed.batch_digest


async def test_a_key_destroyed_elsewhere_is_decided_in_the_commit(place: Place):
    """This process still holds the key in memory; the body is not kept all the same."""
    device, subject = await place.device(), uuid.uuid4()
    other = await place.open_another()
    await other.append([device.seal(subject=subject)])
    await place.keyring.destroy("subject", [subject])
    (after,) = await other.append([device.seal(subject=subject)])
    assert after.erased
    assert await place.app.fetchval("SELECT body IS NULL FROM journal_entries WHERE sequence = 2")


async def test_a_body_that_was_not_kept_says_so_by_having_no_key(place: Place):
    device = await place.device()
    (result,) = await place.journal.append([device.seal(body=None, verdict=Verdict("too-large"))])
    (entry,) = await place.journal.read(EVERYWHERE, 1)
    assert (result.erased, entry.key_no, entry.body, entry.verdict) == (False, None, None, Verdict("too-large"))


async def test_the_sixty_fifth_gap_waits_for_the_missing_ones(place: Place):
    device = await place.device()
    batches = device.chain(131)
    odd = batches[1::2]  # sequences 2, 4, 6 …: each opens a gap
    results = await place.journal.append(odd)
    assert outcomes(results) == ["appended"] * 64 + ["too-many-gaps"]
    assert results[-1].missing == tuple(range(1, 130, 2))
    filled = await place.journal.append([batches[0], odd[-1]])
    assert outcomes(filled) == ["appended", "appended"]


async def test_each_answer_says_what_the_stream_lacks_until_it_has_come(place: Place):
    device = await place.device()
    batches = device.chain(6)
    said = [(await place.journal.append([batches[n]]))[0].lacks for n in (0, 3, 5, 3, 4, 1, 2)]
    assert said == [(), ((2, 3),), ((2, 3), (5, 5)), ((2, 3), (5, 5)), ((2, 3),), ((3, 3),), ()]


async def test_what_the_device_names_as_lost_closes_its_gap(place: Place):
    device = await place.device()
    first, _, _ = device.chain(3)
    naming = device.seal(lost=[2, 3])
    assert outcomes(await place.journal.append([first, naming])) == ["appended", "appended"]
    assert await place.app.fetchval("SELECT gaps FROM journal_heads") == "[]"


async def test_a_used_sequence_beyond_the_memory_of_digests_is_known(place: Place, database):
    device = await place.device()
    first, second = device.chain(2)
    await place.journal.append([first, second])
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("TRUNCATE journal_digests")
    await owner.close()
    other = sealed(device.id, device.keyid, device.stream, 1, "none", body=b"other")
    results = await place.journal.append([first, other])
    assert [(r.outcome, r.receipt) for r in results] == [("known", None)] * 2


async def test_streams_are_numbered_as_they_begin_and_say_how_they_join(place: Place):
    device = await place.device()
    first = device.seal()
    device.new_stream()
    fitting = device.seal()
    device.new_stream("lost")
    lost = device.seal()
    device.new_stream(first.seal.previous)
    differing = device.seal()
    results = await place.journal.append([first, fitting, lost, differing])
    assert outcomes(results) == ["appended"] * 4
    rows = await place.app.fetch("SELECT number, joins FROM journal_heads ORDER BY number")
    assert [tuple(row) for row in rows] == [(1, "first"), (2, "fits"), (3, "lost"), (4, "differs")]


async def test_an_unsigned_header_can_not_spoil_the_group(place: Place):
    device = await place.device()
    batch = device.seal()
    odd = type(batch)(batch.seal, batch.signed, "\x00\udcff", batch.lane, batch.verdict, batch.body)
    assert outcomes(await place.journal.append([odd, device.seal()])) == ["appended", "appended"]
    assert (await place.journal.read(EVERYWHERE, 1))[0].sent is None


async def test_a_day_without_partitions_makes_them(place: Place, database):
    owner = await asyncpg.connect(database.owner_url)
    rows = await owner.fetch(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
        "WHERE inhparent IN ('journal_entries'::regclass, 'journal_digests'::regclass)"
    )
    await owner.execute("DROP TABLE " + ", ".join(row["name"] for row in rows))
    await owner.close()
    device = await place.device()
    assert outcomes(await place.journal.append([device.seal()])) == ["appended"]


async def test_received_never_goes_back_when_the_clock_does(place: Place):
    device = await place.device()
    (first,) = await place.journal.append([device.seal()])
    await place.app.execute("UPDATE journal_shards SET received = received + interval '30 days'")
    (second,) = await place.journal.append([device.seal()])
    assert (second.receipt.received - first.receipt.received).days == 30
    (third,) = await place.journal.append([device.seal(lane="replay")])
    assert third.receipt.received == second.receipt.received > EPOCH
