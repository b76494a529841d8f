"""Any interleaving of writers and readers: no position skipped, none twice, received never goes back, every fork named."""

import asyncio
import random
from collections import Counter, defaultdict

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conformance.journal.device import Device, sealed
from tests.conformance.journal.place import SHARDS, Place

from eucora.journal.heads import unpack
from eucora_wire.envelope import format_digest

EVERYWHERE = {(shard, lane): 0 for shard in range(SHARDS) for lane in (0, 1)}


class Reader:
    """Reads on as the pipeline does, and checks each step: the next position is the one after the last."""

    def __init__(self, journal):
        self.journal, self.after, self.entries = journal, dict(EVERYWHERE), []
        self.received = dict.fromkeys(EVERYWHERE)

    async def step(self, most):
        found = await self.journal.read(self.after, most)
        assert len(found) <= most
        for entry in found:
            where = entry.shard, entry.lane
            assert entry.position == self.after[where] + 1
            assert self.received[where] is None or entry.received >= self.received[where]
            self.after[where], self.received[where] = entry.position, entry.received
        self.entries += found
        return len(found)

    async def to_the_end(self):
        while await self.step(50):
            pass
        assert self.after == await self.journal.tips()


async def test_a_reader_beside_writers_never_sees_a_position_before_the_one_below(place: Place):
    journals = [place.journal, await place.open_another(), await place.open_another()]
    devices = [await place.device() for _ in range(12)]
    work = [device.chain(40) for device in devices]
    reader = Reader(await place.open_another())
    writing = True

    async def write(journal, mine):
        for at in range(0, 40, 5):
            group = [batch for chain in mine for batch in chain[at : at + 5]]
            results = await journal.append(group)
            assert {result.outcome for result in results} == {"appended"}

    async def follow():
        while writing:
            await reader.step(random.randint(1, 60))

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(journals[i], work[i::3]) for i in range(3)))
    writing = False
    await following
    await reader.to_the_end()
    assert Counter((e.stream, e.sequence) for e in reader.entries) == Counter(
        (b.seal.stream, b.seal.sequence) for chain in work for b in chain
    )
    by_shard = defaultdict(list)
    for entry in reader.entries:
        by_shard[entry.shard, entry.lane].append(entry.received)
    assert all(times == sorted(times) for times in by_shard.values())


@st.composite
def stories(draw):
    """Chains of a few devices, some batches forged or sent again, cut into groups that two writers send side by side."""
    lengths = draw(st.lists(st.integers(1, 8), min_size=1, max_size=3))
    tricks = draw(
        st.lists(st.tuples(st.integers(0, 99), st.sampled_from(["again", "other body", "misfit"])), max_size=6)
    )
    return lengths, tricks, draw(st.randoms(use_true_random=False)), draw(st.integers(1, 5))


def tell(devices, lengths, tricks):
    """The batches of a story: each true one once, then the tricks."""
    batches = [b for device, n in zip(devices, lengths, strict=True) for b in device.chain(n)]
    told = list(batches)
    for pick, trick in tricks:
        true = batches[pick % len(batches)].seal
        device = next(d for d in devices if d.id == true.device)
        if trick == "again":
            told.append(batches[pick % len(batches)])
        elif trick == "other body":
            told.append(sealed(device.id, device.keyid, true.stream, true.sequence, true.previous, body=b"other"))
        else:
            wrong = sealed(device.id, device.keyid, true.stream, true.sequence + 1, "sha-256=:" + "A" * 43 + "=:")
            told.append(wrong)
    return told


@given(story=stories())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_arrives_in_whatever_order_the_chain_holds_and_every_fork_is_named(place: Place, story):
    lengths, tricks, rng, size = story
    devices = [await place.device() for _ in lengths]
    told = tell(devices, lengths, tricks)
    rng.shuffle(told)
    groups = [told[i : i + size] for i in range(0, len(told), size)]
    outcomes = []

    async def send(mine):
        for group in mine:
            outcomes.extend(zip(group, await place.journal.append(group), strict=True))

    await asyncio.gather(send(groups[::2]), send(groups[1::2]))
    reader = Reader(place.journal)
    await reader.to_the_end()
    mine = {d.stream for d in devices}
    kept = {(e.stream, e.sequence): e for e in reader.entries if e.stream in mine}
    assert len(kept) == sum(e.stream in mine for e in reader.entries)
    _outcomes_agree(outcomes, kept)
    _chain_holds(kept)
    await _gaps_agree(place, mine, kept)


def _outcomes_agree(outcomes, kept):
    appended = Counter()
    for batch, result in outcomes:
        entry = kept.get((batch.seal.stream, batch.seal.sequence))
        if entry is not None and entry.digest == batch.signed.batch_digest:
            assert result.outcome in ("appended", "duplicate")
            assert (result.receipt.shard, result.receipt.position) == (entry.shard, entry.position)
            assert result.receipt.received == entry.received
            appended[entry.digest] += result.outcome == "appended"
        else:
            assert result.outcome == "fork"  # what is not kept was refused by name
    assert set(appended.values()) <= {1}
    assert len(appended) == len(kept)


def _chain_holds(kept):
    for (stream, sequence), entry in kept.items():
        before = kept.get((stream, sequence - 1))
        if before is not None:
            assert entry.headers["eucora-previous"] == format_digest(before.digest)


async def _gaps_agree(place, streams, kept):
    for row in await place.app.fetch("SELECT * FROM journal_heads WHERE stream = ANY($1)", list(streams)):
        arrived = {sequence for stream, sequence in kept if stream == row["stream"]}
        missing = {n for gap in unpack(row["gaps"]) for n in range(gap.first, gap.last + 1)}
        assert row["last_sequence"] == max(arrived)
        assert missing == set(range(1, row["last_sequence"])) - arrived


async def test_a_read_is_shared_so_that_no_place_waits(place: Place):
    devices = [Device() for _ in range(9)]
    await place.enrol(*devices)
    await place.journal.append(
        [b for d in devices for b in d.chain(20)] + [b for d in devices for b in d.chain(2, lane="replay")]
    )
    first = await place.journal.read(EVERYWHERE, 30)
    backlog = {shard for (shard, lane), tip in (await place.journal.tips()).items() if tip and lane == 0}
    assert {e.shard for e in first} == backlog
    assert {e.lane for e in first} == {0}
    everything = await place.journal.read(EVERYWHERE, 1000)
    lanes = [e.lane for e in everything]
    assert lanes == sorted(lanes)
    assert len(lanes) == 9 * 22


async def test_large_bodies_make_a_read_shorter_and_never_empty(place: Place):
    devices = [await place.device() for _ in range(4)]
    large = bytes(4 * 2**20)
    await place.journal.append([batch for device in devices for batch in device.chain(3, body=large)])
    reader = Reader(place.journal)
    assert await reader.step(1000) == 4
    await reader.to_the_end()
    assert len(reader.entries) == 12
