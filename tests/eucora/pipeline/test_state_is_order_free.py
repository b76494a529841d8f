"""Inventory, sessions, facts and policies of one device, told over two boots: whatever the order of
arrival, the portions, the lanes and the repetitions, one state and one history result, that of telling them in order.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.eucora.line import Device, Line

from eucora.batch import Checked
from eucora_wire.delta import Inventory, difference, inventory
from eucora_wire.envelope import format_digest
from eucora_wire.payload import Payload
from eucora_wire.sections.device import Device as Facts
from eucora_wire.sections.device import OperatingSystem
from eucora_wire.sections.sessions import Context, Session
from eucora_wire.sections.software import Package, Software

NOW = datetime.now(UTC).replace(microsecond=0)
POLICIES = [format_digest(bytes([n]) * 32) for n in range(3)]
PLACES = ("corp", "home", None)

packages = st.builds(
    Package,
    name=st.sampled_from("ab"),
    version=st.sampled_from("12"),
    source=st.just("dpkg"),
    signature=st.sampled_from((None, "a" * 64)),
)
facts = st.builds(
    Facts,
    os=st.builds(OperatingSystem, name=st.just("Debian"), version=st.sampled_from(("11", "12"))),
    model=st.sampled_from((None, "X1", "X2")),
    hostname=st.sampled_from((None, "anna")),
    disk_encrypted=st.sampled_from((None, True, False)),
)


class Told(msgspec.Struct, frozen=True):
    """What a device says in one payload. `turn`: it goes on to its next policy before it."""

    packages: tuple[Package, ...] | None
    full: bool
    facts: Facts | None
    session: tuple[int, bool, int] | None
    turn: bool


told = st.builds(
    Told,
    packages=st.none() | st.lists(packages, max_size=3).map(tuple),
    full=st.booleans(),
    facts=st.none() | facts,
    session=st.none() | st.tuples(st.integers(0, 1), st.booleans(), st.integers(0, 2)),
    turn=st.booleans(),
)

TABLES = {
    "packages": """SELECT source, name, version, present, signature, order_stream, order_item, event_time
                     FROM software_inventory WHERE device = $1 ORDER BY 1, 2, 3""",
    "inventory": "SELECT full_stream, full_item, order_stream, order_item, result FROM software_state WHERE device = $1",
    "sessions": """SELECT start, "end", network, order_stream, order_item, event_time FROM sessions
                    WHERE device_id = $1 ORDER BY start""",
    "device": """SELECT model, os_name, os_version, disk_encrypted, hostname_pseudonym, policy, order_stream, order_item,
                        event_time FROM devices WHERE device_id = $1""",
    "history": """SELECT attribute, value, valid_from, valid_to FROM device_fact_intervals
                   WHERE device = $1 ORDER BY attribute, valid_from, value""",
}


def payloads(device: Device, said: Sequence[Told]) -> list[Payload]:
    """A first inventory in full, then what is told; each package list in full or as a delta to the one before."""
    subject, sessions = uuid.uuid4(), [uuid.uuid4(), uuid.uuid4()]
    held: Inventory = {}
    made = []
    for n, each in enumerate(said):
        software, session = None, ()
        if each.packages is not None:
            now = inventory(each.packages)
            full = each.full or not held
            software = Software(packages=tuple(now.values())) if full else Software(delta=difference(held, now))
            held = now
        if each.session is not None:
            which, ended, place = each.session
            start = NOW - timedelta(hours=which + 1)
            end = start + timedelta(minutes=n) if ended else None
            session = (Session(sessions[which], subject, device.id, start, end, Context(network=PLACES[place])),)
        time = NOW - timedelta(minutes=100 - n)
        made.append(Payload(device.id, time, device=each.facts, software=software, sessions=session))
    return made


def batches(device: Device, said: Sequence[Told], cuts: Sequence[bool], boot: int, chance: Random) -> list[Checked]:
    """Batches are cut where they like, but where the policy turns, and where the device boots."""
    found: list[Checked] = []
    waiting: list[Payload] = []
    policy = 0

    def seal() -> None:
        if waiting:
            lane = chance.choice(("live", "replay"))
            found.append(device.batch(waiting, lane=lane, policy=POLICIES[policy]))  # type: ignore[arg-type]
            waiting.clear()

    for n, (each, payload, cut) in enumerate(zip(said, payloads(device, said), cuts, strict=True)):
        turns = each.turn and policy + 1 < len(POLICIES)
        if cut or turns or n == boot:
            seal()
        policy += turns
        if n == boot:
            device.boot = uuid.uuid4()
        waiting.append(payload)
    seal()
    return found


histories = st.lists(told, min_size=1, max_size=8).flatmap(
    lambda said: st.tuples(
        st.just(said),
        st.lists(st.booleans(), min_size=len(said), max_size=len(said)),
        st.integers(0, len(said)),
        st.randoms(use_true_random=False),
    )
)


# An example is a dozen transactions: looking for the smallest that fails would take minutes.
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate])
@given(histories)
async def test_whatever_the_order_the_portions_the_lanes_and_the_repetitions_there_is_one_state_and_one_history(
    line: Line, history: Any
) -> None:
    said, cuts, boot, chance = history
    straight, crooked = await line.enrol(), await line.enrol()
    for batch in batches(straight, said, [True] * len(said), boot, Random(0)):
        await line.append(batch)
        await line.digest()
    crossed = batches(crooked, said, cuts, boot, chance)
    again = chance.choices(crossed, k=2)
    chance.shuffle(crossed)
    for batch in [*crossed, *again]:
        assert (await line.journal.append([batch]))[0].outcome in ("appended", "duplicate")
        if chance.random() < 0.6:
            await line.digest()
    await line.digest()
    for name, statement in TABLES.items():
        assert await line.rows(statement, crooked.id) == await line.rows(statement, straight.id), name
    kept = await line.rows(
        "SELECT value FROM device_fact_intervals WHERE device = $1 AND attribute = 'policy'", crooked.id
    )
    assert len(kept) == len(set(kept)), "a policy that was left does not come back in the history"


async def test_a_session_that_another_device_tells_of_too_is_neither_changed_nor_hidden(line: Line) -> None:
    own, other = [await line.enrol() for _ in range(2)]
    session_id, subject, start = uuid.uuid4(), uuid.uuid4(), NOW - timedelta(hours=1)

    def said(device: Device, end: datetime | None) -> Payload:
        return Payload(device.id, NOW, sessions=(Session(session_id, subject, device.id, start, end),))

    await line.append(own.batch([said(own, None)]))
    await line.digest()
    other.ordinal = 100  # its items are of a higher order, and digested in the same transaction
    await line.append(own.batch([said(own, NOW)]), other.batch([said(other, None)]))
    await line.digest()
    assert await line.rows('SELECT device_id, "end" FROM sessions') == [(own.id, NOW)]
