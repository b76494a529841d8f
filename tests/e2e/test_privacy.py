"""Names planted wherever a machine may say them: they stand in clear where the registry lets free text lie, or nowhere.

The whole database is read, every column of every table that its catalogue knows; and every file below the data directory
is searched, logs and PostgreSQL's own and the S3 server's among them.
"""

import asyncio
import tomllib
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.catalogue import Rows, everything, forms, holding
from tests.device import Device, enrol
from tests.platform import Up, owner

from eucora.migrations import migrate
from eucora_wire.answer import Account
from eucora_wire.payload import Payload
from eucora_wire.sections.apps import App, Apps, Crash
from eucora_wire.sections.changes import Change
from eucora_wire.sections.device import Device as Facts
from eucora_wire.sections.device import OperatingSystem
from eucora_wire.sections.events import Event
from eucora_wire.sections.hardware import Battery, Hardware, Sensor, Volume
from eucora_wire.sections.logs import Line
from eucora_wire.sections.sessions import Session
from eucora_wire.sections.software import Package, Software
from eucora_wire.sections.spans import Span

pytestmark = pytest.mark.timeout(180)

HOST, SERIAL, LOGIN, DISPLAY = "hana-laptop-7731", "ZQX99177SER", "hzmansour7731", "Hana Zahra Mansour"
STICK, FOLDER, WROTE, PACKAGE = "hzm-stick-5512", "hana-6620", "the cat sat 4410", "libhana-8823"
NOWHERE = (HOST, SERIAL, LOGIN, DISPLAY, STICK)
"""What names a person or their machine, and a mount that names one."""

COLUMNS = tomllib.loads((Path(migrate.__file__).parent / "columns.toml").read_text())


def payload(device: Device, subject: uuid.UUID, when: datetime, **changes: Any) -> Payload:
    """All that a payload can hold, with the names in it."""
    home = f"/home/{FOLDER}"
    values: dict[str, Any] = {
        "hardware": Hardware(
            cpu=1.0,
            volumes=(Volume("/", 9.0, 5.0), Volume(f"/media/{LOGIN}/{STICK}", 9.0, 5.0), Volume(home, 9.0, 5.0)),
            sensors=(Sensor("coretemp Core 0", 40.0),),
            batteries=(Battery("BAT0", 50.0),),
        ),
        "device": Facts(os=OperatingSystem("Debian GNU/Linux", "linux", "12"), hostname=HOST, serial=SERIAL),
        "software": Software(packages=(Package(PACKAGE, "1.0", source="dpkg", purl=f"pkg:deb/{PACKAGE}@1.0"),)),
        "apps": Apps((App(f"{home}/bin/editor", "1.0", 1),), (Crash(uuid.uuid4(), when, f"{home}/bin/editor"),)),
        "changes": (Change(uuid.uuid4(), when, "install", PACKAGE, after="1.0", reason=WROTE),),
        "events": (Event(uuid.uuid4(), when, "printer_jam", detail=WROTE),),
        "logs": (Line(uuid.uuid4(), when, f"{home}/bin/editor", "{what}", fields={"what": WROTE}),),
        "spans": (Span("a" * 32, "b" * 16, "login", when, when, attributes={"what": WROTE}),),
        "sessions": (Session(uuid.uuid4(), subject, device.id, when),),
    }
    return Payload(device_id=device.id, timestamp=when, user_id=subject, **(values | changes))


@pytest.fixture(scope="module")
def up(running: Up, tmp_path_factory: pytest.TempPathFactory) -> Up:
    """A platform that was told the names in every way: taken, dead, refused, unreadable, asked for by operators."""
    device, other = enrol(running, tmp_path_factory.mktemp("devices"), 2)
    subject = device.log_on(Account(name=LOGIN, domain="CORP", uid="1000", display=DISPLAY))
    now = datetime.now(UTC)
    too_old = payload(device, subject, now - timedelta(days=40))
    strange = payload(device, subject, now, software=Software(packages=(Package(f"{LOGIN}\0", "1.0"),)))
    foreign = payload(other, subject, now)
    for batch in ((payload(device, subject, now), too_old), (foreign,), (strange,)):
        device.send(device.seal(batch, subject=subject))
    for body in (f'[{{"device_id":"{LOGIN}"}}]'.encode(), f"{HOST} {DISPLAY}".encode(), b'{"' + WROTE.encode()):
        device.send(device.seal_body(body, 1, subject=subject))
    forged = device.seal((payload(device, subject, now),), subject=subject)
    forged.headers["eucora-policy"] = LOGIN
    device.send(forged)
    device.hang_up()
    running.eventually(lambda: len(running.json("deadletters")) >= 4)
    running.eventually(lambda: [d for d in running.json("devices", f"host:{HOST}") if d["device_id"] == str(device.id)])
    running.run("device", str(device.id), "--personal", "--purpose", "a test")
    for words in ((f"user:{LOGIN}",), (f"serial:{SERIAL}",), (DISPLAY,), (f"os:{LOGIN}",)):
        running.run("devices", *words, check=False)
    running.run("series", str(device.id), LOGIN, check=False)
    return running


@pytest.fixture(scope="module")
def rows(up: Up) -> Rows:
    return asyncio.run(everything(owner(up)))


def of_class(wanted: str) -> set[tuple[str, str]]:
    return {(table, column) for table, said in COLUMNS.items() for column in said.get(wanted, ())}


def test_every_table_and_column_of_the_catalogue_was_read(rows: Rows) -> None:
    filled = {
        "journal_entries",
        "dead_letters",
        "devices",
        "users",
        "sessions",
        "hot_lines",
        "hot_spans",
        "hot_metrics",
    }
    assert filled <= {table for table, held in rows.items() if held}
    assert rows.keys() - COLUMNS.keys() == {"schema_migrations"}


@pytest.mark.parametrize("name", NOWHERE)
def test_what_names_a_person_stands_in_no_column(rows: Rows, name: str) -> None:
    assert holding(rows, name) == set()


def test_what_a_person_wrote_stands_where_it_can_be_rewritten(rows: Rows) -> None:
    for name in (WROTE, FOLDER):
        assert holding(rows, name)
        assert holding(rows, name) <= of_class("content")


def test_a_package_stands_in_the_inventory_and_in_lines(rows: Rows) -> None:
    inventory = {("software_inventory", "name"), ("software_inventory", "purl")}
    assert inventory <= holding(rows, PACKAGE) <= inventory | of_class("content")


@pytest.mark.parametrize("name", NOWHERE)
def test_what_names_a_person_lies_in_no_file(up: Up, name: str) -> None:
    assert files_with(up, up.data_dir, name) == []


@pytest.mark.parametrize("name", [WROTE, FOLDER, PACKAGE])
def test_nothing_that_was_told_is_in_a_log(up: Up, name: str) -> None:
    assert len(list((up.data_dir / "logs").glob("*.log"))) >= 6
    assert files_with(up, up.data_dir / "logs", name) == []


def files_with(up: Up, folder: Path, name: str) -> list[str]:
    files = [up.log, *(f for f in folder.rglob("*") if f.is_file())]
    return [str(f) for f in files if any(form in f.read_bytes().lower() for form in forms(name))]
