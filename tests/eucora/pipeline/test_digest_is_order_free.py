"""Whatever sections a device sends, and however they are cut into batches and lanes, the same tables result."""

import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.eucora.line import Device, Line

from eucora_wire.payload import Payload
from eucora_wire.sections.agent import Agent
from eucora_wire.sections.apps import App, Apps, Crash, Histogram
from eucora_wire.sections.changes import Change
from eucora_wire.sections.deployments import Deployment
from eucora_wire.sections.device import Device as Facts
from eucora_wire.sections.device import OperatingSystem
from eucora_wire.sections.events import Event
from eucora_wire.sections.hardware import Battery, Hardware, Sensor, Volume
from eucora_wire.sections.logs import Line as LogLine
from eucora_wire.sections.network import Network
from eucora_wire.sections.software import Package, Software
from eucora_wire.sections.spans import Span
from eucora_wire.sections.ux import Ux

NOW = datetime.now(UTC).replace(microsecond=0)
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs", "Cc")), max_size=12)
NAME = TEXT.filter(bool)
NUMBER = st.floats(0, 2**53, allow_nan=False)
SHARE = st.floats(0, 100, allow_nan=False)
COUNT = st.integers(0, 2**53 - 1)
MOMENT = st.datetimes(datetime(1900, 1, 2), datetime(9998, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
ID = st.uuids()
HISTOGRAM = st.builds(Histogram, bounds=st.just((1.0, 2.0)), counts=st.tuples(COUNT, COUNT, COUNT), sum=NUMBER)
VOLUME = st.builds(
    Volume, mount=TEXT, total=st.just(2.0**53), used=NUMBER, unit=st.sampled_from(("bytes", "kibibytes"))
)
MAYBE_COUNT = st.none() | COUNT


def some(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, max_size=2).map(tuple)


payloads = st.builds(
    Payload,
    device_id=st.just(uuid.UUID(int=0)),
    timestamp=st.timedeltas(timedelta(0), timedelta(days=20)).map(lambda ago: NOW - ago),
    hardware=st.none()
    | st.builds(
        Hardware,
        cpu=st.none() | SHARE,
        memory_used=MAYBE_COUNT,
        volumes=some(VOLUME),
        sensors=some(st.builds(Sensor, name=TEXT, value=st.floats(-90, 250))),
        batteries=some(st.builds(Battery, name=TEXT, charge=SHARE, plugged=st.none() | st.booleans())),
    ),
    network=st.none() | st.builds(Network, latency_ms=st.none() | st.floats(0, 600_000), proxy=st.none() | st.booleans()),
    agent=st.none() | st.builds(Agent, version=TEXT, queue_depth=st.integers(0, 9), status=st.just("healthy")),
    device=st.none()
    | st.builds(Facts, hostname=TEXT, model=TEXT, boot_time=MOMENT, os=st.builds(OperatingSystem, name=TEXT, version=TEXT)),
    software=st.none()
    | st.builds(Software, packages=some(st.builds(Package, name=NAME, version=TEXT, purl=st.none() | TEXT))),
    apps=st.none()
    | st.builds(
        Apps,
        apps=some(st.builds(App, name=TEXT, version=st.none() | TEXT, crashes=MAYBE_COUNT, launch_time=HISTOGRAM)),
        crashes=some(st.builds(Crash, id=ID, time=MOMENT, name=TEXT, module=st.none() | TEXT)),
    ),
    ux=st.none() | st.builds(Ux, unresponsive=MAYBE_COUNT, latency=st.none() | HISTOGRAM),
    deployments=some(st.builds(Deployment, id=ID, time=MOMENT, job=TEXT, outcome=st.just("failed"), duration=NUMBER)),
    changes=some(st.builds(Change, id=ID, time=MOMENT, kind=st.just("reboot"), subject=TEXT, reason=st.none() | TEXT)),
    events=some(st.builds(Event, id=ID, time=MOMENT, name=st.just("a.b"), count=st.integers(1, 2**53 - 1), detail=TEXT)),
    logs=some(
        st.builds(LogLine, id=ID, time=MOMENT, source=TEXT, template=TEXT, fields=st.dictionaries(st.just("k"), TEXT))
    ),
    spans=some(
        st.builds(
            Span, trace_id=st.just("0" * 32), span_id=st.just("1" * 16), name=TEXT, start=MOMENT, end=MOMENT,
            attributes=st.dictionaries(st.just("k"), TEXT),
        )
    ),
)  # fmt: skip

TABLES = {
    "metrics": """SELECT m.time, m.item, s.digest, m.values FROM hot_metrics m JOIN shapes s USING (shape)
                   WHERE device = $1 ORDER BY m.item, s.digest, m.values""",
    "lines": """SELECT m.item, m.id, s.digest, m.count, m.text, m.fields FROM hot_lines m JOIN shapes s USING (shape)
                 WHERE device = $1 ORDER BY m.item, m.id, s.digest, m.text""",
    "spans": """SELECT m.item, s.digest, m.duration_s, m.attributes FROM hot_spans m JOIN shapes s USING (shape)
                 WHERE device = $1 ORDER BY m.item, s.digest, m.duration_s, m.attributes""",
    "facts": """SELECT attribute, order_item, value FROM device_facts
                WHERE device = $1 AND attribute <> 'policy' ORDER BY 1, 2""",
    "device": "SELECT model, os_name, boot_time, order_item FROM devices WHERE device_id = $1",
    "software": """SELECT source, name, architecture, version, present, purl, order_item FROM software_inventory
                    WHERE device = $1 ORDER BY 1, 2, 3, 4""",
    "dead": "SELECT ordinal, reason FROM dead_letters WHERE device = $1 ORDER BY ordinal",
}


def of(device: Device, payload: Payload) -> Payload:
    return msgspec.structs.replace(payload, device_id=device.id)


# An example is three transactions: looking for the smallest that fails would take minutes.
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate])
@given(st.lists(payloads, min_size=1, max_size=5), st.integers(0, 2**16))
async def test_the_same_items_give_the_same_tables_however_they_travel(
    line: Line, said: list[Payload], seed: int
) -> None:
    rng = random.Random(seed)
    straight, crooked = await line.enrol(), await line.enrol()
    await line.append(straight.batch([of(straight, p) for p in said]))
    await line.digest()
    batches = [crooked.batch([of(crooked, p)], lane=rng.choice(("live", "replay"))) for p in said]
    rng.shuffle(batches)
    for batch in batches:
        await line.append(batch)
        if rng.random() < 0.5:
            await line.digest()
    await line.digest()
    for name, statement in TABLES.items():
        assert await line.rows(statement, crooked.id) == await line.rows(statement, straight.id), name
