"""What is held of a device otherwise than it told is found by its next heartbeat that says so, and mended by the section."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.eucora.domains.items import BEGIN, absorb, arrivals, item
from tests.eucora.line import Device, Line

from eucora.domains.all import chores
from eucora.domains.drift.check import RESYNC_INTERVAL_S
from eucora.domains.drift.queries import Drift, of_device
from eucora_wire.delta import inventory
from eucora_wire.payload import Payload
from eucora_wire.sections.agent import Agent, Holds
from eucora_wire.sections.device import Device as Facts
from eucora_wire.sections.device import OperatingSystem
from eucora_wire.sections.sessions import Context, Session
from eucora_wire.sections.software import Package, Software
from eucora_wire.state import digest_of_facts, digest_of_sessions, digest_of_software

NOW = datetime.now(UTC).replace(microsecond=123456)
PACKAGES = tuple(Package(name=name, version="1", source="dpkg", purl=f"pkg:deb/{name}@1") for name in "abc")
FACTS = Facts(
    os=OperatingSystem(name="Debian  GNU/Linux", version="12", build="6.1"),
    hostname="anna",
    serial="S3CR3T",
    model="X1",
    boot_time=NOW.astimezone(None) - timedelta(days=2),
    vdi=False,
)
BY_HAND = {
    "a package changed": ("software", "UPDATE software_inventory SET version = '2' WHERE name = 'a'"),
    "a package hidden": ("software", "UPDATE software_inventory SET present = false WHERE name = 'b'"),
    "a package planted": (
        "software",
        """INSERT INTO software_inventory SELECT device, source, 'x', architecture, version, true, signature, purl,
                  publisher, order_stream, order_item, event_time, received_at FROM software_inventory WHERE name = 'a'""",
    ),
    "the model changed": ("device", "UPDATE devices SET model = 'X2'"),
    "the host name taken away": ("device", "UPDATE devices SET hostname_sealed = NULL, hostname_pseudonym = NULL"),
    "the boot moved": ("device", "UPDATE devices SET boot_time = boot_time - interval '1 microsecond'"),
    "the session ended": ("sessions", """UPDATE sessions SET "end" = now()"""),
    "the place changed": ("sessions", "UPDATE sessions SET network = 'home'"),
}


class Quiet:
    """A device that told everything once, and goes on to say what should be held of it."""

    def __init__(self, line: Line, device: Device) -> None:
        self.line, self.device = line, device
        self.session = Session(uuid.uuid4(), uuid.uuid4(), device.id, NOW, context=Context("corp"))
        self.holds = Holds(
            software=digest_of_software(inventory(PACKAGES)),
            device=digest_of_facts(FACTS),
            sessions=digest_of_sessions(self.session),
        )

    def payload(self, holds: Holds | None, **sections: Any) -> Payload:
        agent = Agent(version="1", queue_depth=0, status="healthy", holds=holds)
        return Payload(self.device.id, datetime.now(UTC), agent=agent, **sections)

    async def tell(self, *payloads: Payload) -> None:
        await self.line.append(self.device.batch(payloads))
        await self.line.digest()

    async def beat(self) -> None:
        await self.tell(self.payload(self.holds))

    async def tell_all(self, holds: Holds | None = None) -> None:
        software = Software(packages=PACKAGES)
        await self.tell(self.payload(holds, device=FACTS, software=software, sessions=(self.session,)))

    async def compared(self, now: datetime = BEGIN) -> dict[str, Drift]:
        _, compare_states = chores(self.line.app, self.line.secrets)
        await compare_states(now)
        return {each.section: each for each in await of_device(self.line.app, self.device.id)}


@pytest.fixture
async def quiet(line: Line) -> Quiet:
    return Quiet(line, await line.enrol())


async def test_what_was_told_is_what_is_held_however_its_words_were_settled(quiet: Quiet) -> None:
    await quiet.tell_all(quiet.holds)
    assert await quiet.compared() == {}
    await quiet.beat()
    assert await quiet.compared() == {}
    assert await quiet.line.rows("SELECT DISTINCT checked, resync FROM state_told") == [(True, False)]
    assert await quiet.line.rows("SELECT os_name FROM devices") != [("Debian  GNU/Linux",)]


@pytest.mark.parametrize("what", BY_HAND)
async def test_what_was_changed_by_hand_is_found_by_the_next_heartbeat_and_mended_by_the_section(
    quiet: Quiet, what: str
) -> None:
    section, statement = BY_HAND[what]
    await quiet.tell_all(quiet.holds)
    assert await quiet.compared() == {}
    await quiet.line.app.execute(statement)
    await quiet.beat()
    assert await quiet.compared(BEGIN) == {
        section: Drift(section=section, drifted_at=BEGIN, healed_at=None, resync=True)
    }
    await quiet.tell_all(quiet.holds)
    later = BEGIN + timedelta(seconds=60)
    assert await quiet.compared(later) == {
        section: Drift(section=section, drifted_at=None, healed_at=later, resync=False)
    }


@pytest.mark.parametrize(
    "what",
    [
        """UPDATE sessions SET "end" = NULL WHERE "end" IS NOT NULL""",
        """UPDATE sessions SET "end" = "end" + interval '1 hour' WHERE "end" IS NOT NULL""",
        """UPDATE sessions SET device_id = gen_random_uuid() WHERE "end" IS NOT NULL""",
    ],
    ids=("its end lost", "its end moved", "gone"),
)
@pytest.mark.parametrize("goes_on", [True, False], ids=("beside one that goes on", "and nobody is there"))
async def test_a_session_that_has_ended_is_compared_too(quiet: Quiet, what: str, goes_on: bool) -> None:
    ended = msgspec.structs.replace(quiet.session, end=NOW + timedelta(hours=1))
    next_one = Session(uuid.uuid4(), uuid.uuid4(), quiet.device.id, NOW + timedelta(hours=2))
    sessions = (ended, next_one) if goes_on else (ended,)
    said = Holds(sessions=digest_of_sessions(*sessions))
    told = [Payload(quiet.device.id, NOW, sessions=(each,)) for each in (quiet.session, *sessions)]
    await quiet.tell(*told, quiet.payload(said))
    assert await quiet.compared() == {}
    await quiet.line.app.execute(what)
    await quiet.tell(quiet.payload(said))
    assert (await quiet.compared())["sessions"].resync
    await quiet.line.app.execute("UPDATE sessions SET device_id = $1", quiet.device.id)
    await quiet.tell(*told[1:], quiet.payload(said))
    later = BEGIN + timedelta(seconds=60)
    healed = Drift(section="sessions", drifted_at=None, healed_at=later, resync=False)
    assert await quiet.compared(later) == {"sessions": healed}


async def test_a_device_that_speaks_of_what_goes_on_alone_or_of_nothing_any_more_is_believed(quiet: Quiet) -> None:
    ended = msgspec.structs.replace(quiet.session, end=NOW + timedelta(hours=1))
    next_one = Session(uuid.uuid4(), uuid.uuid4(), quiet.device.id, NOW + timedelta(hours=2))
    await quiet.tell(*(Payload(quiet.device.id, NOW, sessions=(each,)) for each in (ended, next_one)))
    for sessions in ((next_one,), ()):
        await quiet.tell(quiet.payload(Holds(sessions=digest_of_sessions(*sessions))))
        assert await quiet.compared() == {}
    await quiet.tell(quiet.payload(Holds(sessions=digest_of_sessions(ended))))
    assert set(await quiet.compared()) == {"sessions"}


async def test_a_section_of_which_nothing_is_held_any_more_has_drifted(quiet: Quiet) -> None:
    await quiet.beat()
    assert set(await quiet.compared()) == {"software", "device", "sessions"}


async def test_it_is_asked_for_once_an_interval_as_long_as_it_does_not_fit(quiet: Quiet) -> None:
    await quiet.tell_all(quiet.holds)
    wrong = msgspec.structs.replace(quiet.holds, software=quiet.holds.device, device=None, sessions=None)
    await quiet.tell(quiet.payload(wrong))
    assert (await quiet.compared())["software"].resync
    await quiet.tell(quiet.payload(wrong, software=Software(packages=PACKAGES)))
    soon = BEGIN + timedelta(seconds=60)
    assert await quiet.compared(soon) == {
        "software": Drift(section="software", drifted_at=BEGIN, healed_at=None, resync=False)
    }
    await quiet.tell(quiet.payload(wrong))
    assert (await quiet.compared(BEGIN + timedelta(seconds=RESYNC_INTERVAL_S + 1)))["software"].resync


async def test_nothing_is_compared_while_something_older_may_still_come(quiet: Quiet) -> None:
    missing = quiet.device.batch([quiet.payload(None, device=FACTS)])
    await quiet.tell(quiet.payload(Holds(device=quiet.holds.device)))
    assert await quiet.compared() == {}
    await quiet.line.append(missing)
    assert await quiet.compared() == {}
    assert await quiet.line.rows("SELECT checked FROM state_told") == [(False,)]
    await quiet.line.digest()
    assert await quiet.compared() == {}
    assert await quiet.line.rows("SELECT checked FROM state_told") == [(True,)]


async def test_what_a_newer_item_changed_is_not_drift(quiet: Quiet) -> None:
    await quiet.tell_all(quiet.holds)
    ended = msgspec.structs.replace(quiet.session, end=NOW + timedelta(hours=1))
    await quiet.tell(quiet.payload(quiet.holds), Payload(quiet.device.id, datetime.now(UTC), sessions=(ended,)))
    assert await quiet.compared() == {}


async def test_an_agent_that_says_no_digests_is_not_compared(quiet: Quiet) -> None:
    await quiet.tell_all(None)
    await quiet.tell(quiet.payload(None))
    assert await quiet.compared() == {}
    assert await quiet.line.rows("SELECT count(*) FROM state_told") == [(0,)]


async def test_facts_of_before_there_were_digests_are_asked_for_and_called_no_drift(quiet: Quiet) -> None:
    await quiet.tell_all(None)
    await quiet.line.app.execute("UPDATE devices SET facts_told = NULL, facts_held = NULL")
    await quiet.beat()
    assert await quiet.compared() == {}
    assert await quiet.line.rows("SELECT section FROM state_told WHERE resync") == [("device",)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from((None, "a", "b")), st.sampled_from((None, "c"))), min_size=1, max_size=5
    ).flatmap(lambda said: st.tuples(st.just(said), arrivals(len(said))))
)
async def test_whatever_the_order_of_heartbeats_the_newest_stands(line: Line, history: Any) -> None:
    said, batches = history
    tables = []
    for order in ([[n] for n in range(len(said))], batches):
        device = (await line.enrol()).id
        await tell(line, device, said, order)
        rows = "SELECT section, digest, order_item, event_time FROM state_told WHERE device = $1 ORDER BY 1"
        tables.append(await line.rows(rows, device))
    assert tables[0] == tables[1]


async def tell(line: Line, device: uuid.UUID, said: Sequence[Any], order: Sequence[Sequence[int]]) -> None:
    agents = [Agent("1", 0, "healthy", holds=Holds(software=software, device=facts)) for software, facts in said]
    for batch in order:
        await absorb(line, "drift", [item(device, n + 1, agent=agents[n]) for n in batch])


async def test_a_device_that_is_erased_takes_it_along(quiet: Quiet, database: Any) -> None:
    await quiet.tell_all(quiet.holds)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("DELETE FROM devices")
    await owner.close()
    assert await quiet.line.rows("SELECT count(*) FROM state_told") == [(0,)]


async def test_a_shard_that_is_never_at_rest_holds_no_comparison_up(quiet: Quiet) -> None:
    shard = "SELECT shard FROM journal_shards WHERE live > 0"
    await quiet.tell_all(quiet.holds)
    await quiet.line.app.execute("UPDATE state_told SET digest = '\\x00' WHERE section = 'software'")
    waiting = quiet.device.batch([quiet.payload(None)])
    await quiet.line.append(waiting)  # something always waits
    assert await quiet.compared() == {}
    assert len(await quiet.line.rows(shard)) == 1
    await quiet.line.digest()
    await quiet.line.append(quiet.device.batch([quiet.payload(None)]))
    assert set(await quiet.compared()) == {"software"}
