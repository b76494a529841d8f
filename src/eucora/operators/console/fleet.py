"""The fleet: devices found as by the API, their health at a glance, the columns that one wants, as a file too."""

import csv
import io
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get, post
from litestar.params import FromQuery
from msgspec import Struct

from eucora.archive.glance import glance
from eucora.archive.query import Archive
from eucora.domains.audit import by, record
from eucora.domains.audit.asked import reveal
from eucora.domains.devices.queries import search
from eucora.domains.devices.records import DeviceRow
from eucora.domains.devices.routes import PersonOf, record_searched
from eucora.domains.devices.search import accounts, parse
from eucora.domains.devices.view import SILENT, Device, masked
from eucora.domains.devices.view import shown as named
from eucora.journal.keys import Keyring
from eucora.operators.console.door import marked
from eucora.operators.console.enter import Form, go
from eucora.operators.console.sessions import SQL, Session
from eucora.operators.console.view import shown, view
from eucora.operators.house import GivenHouse
from eucora.problems import Refused
from eucora.web.asker import Asker
from eucora.web.given import Given, GivenNow, GivenPool, GivenSecrets
from eucora.web.paging import cut, key
from eucora.web.render import HEADERS
from eucora.web.words import human

A_PAGE, MOST_IN_A_FILE = 50, 20_000
METRICS = {
    "cpu": "system_cpu_utilization_ratio",
    "memory": "system_memory_utilization_ratio",
    "disk": "system_filesystem_utilization_ratio",
    "battery": "hw_battery_charge_min_ratio",
    "temperature": "hw_temperature_max_celsius",
}
HIGH = {"cpu": (0.9, 0.98), "memory": (0.9, 0.97), "disk": (0.85, 0.95), "temperature": (85.0, 95.0)}
"""From where on a value is worth a look, and from where on it is wrong."""
COLUMNS = {
    "state": "State",
    "heard": "Heard of",
    "host": "Host name",
    "serial": "Serial",
    "system": "System",
    "model": "Model",
    "site": "Site",
    **{name: "CPU" if name == "cpu" else name.capitalize() for name in METRICS},
}
USUAL = ("state", "heard", "system", "model", "site", "cpu", "memory", "disk")
MOST_NAME = 60


class Cell(Struct, frozen=True):
    """What stands in a column, and how grave it is."""

    text: Any
    grave: str = ""
    at: datetime | None = None


class Row(Struct, frozen=True):
    """A device of the list."""

    device_id: uuid.UUID
    simulated: bool
    cells: Mapping[str, Cell]


@get("/", **shown("devices.read"))
async def home() -> Response[Any]:
    """The console begins with the fleet."""
    return go("/fleet")


@get("/fleet", **shown("devices.read", "personal"))
async def fleet(
    request: Request[Any, Any, Any],
    pool: GivenPool,
    keyring: Given[Keyring],
    secrets: GivenSecrets,
    archive: Given[Archive],
    session: Given[Session],
    now: GivenNow,
    person_of: Given[PersonOf],
    house: GivenHouse,
    q: FromQuery[str] = "",
    col: FromQuery[list[str] | None] = None,
    after: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Devices that fulfil every word, a page of them."""
    columns = chosen(col)
    fault = ""
    try:
        rows = await search(pool, parse(q[:500], secrets.pseudonym), key(after, uuid.UUID), A_PAGE + 1)
    except Refused as exc:
        rows, fault = [], exc.document.detail or exc.document.title
    found = cut(rows, A_PAGE, lambda row: row.device_id)
    ids = tuple(row.device_id for row in found.items)
    people = [] if fault else [await person_of(name) for name in accounts(q)]
    await record_searched(people, pool, session.asker, now, "console", ids)
    devices = await _named(pool, keyring, session, now, found.items)
    health = await glance(pool, ids, set(METRICS.values())) if ids and session.asker.may("telemetry.read") else {}
    return view(
        request,
        session,
        "fleet.html",
        "Fleet",
        q=q,
        fault=fault,
        columns=columns,
        all_columns=COLUMNS,
        rows=[row(device, health.get(device.device_id, {})) for device in devices],
        counts=await house.counts.of(pool, now, SILENT),
        filters=await pool.fetch(SQL.filters, session.asker.operator),
        next=None if found.next is None else f"/fleet?{address(q, col, found.next)}",
        first=None if after is None else f"/fleet?{address(q, col)}",
        file=f"/fleet.csv?{address(q, col)}",
        query=address(q, col),
    )


def chosen(col: Sequence[str] | None) -> list[str]:
    """Columns in their order; those that nobody knows are left out."""
    wanted = USUAL if col is None else col
    return [name for name in COLUMNS if name in wanted] or list(USUAL)


def address(q: str, col: Sequence[str] | None, after: str | None = None) -> str:
    """Where the same list is found again."""
    pairs = [("q", q)] if q else []
    pairs += [("col", name) for name in col or ()]
    return urlencode(pairs + ([("after", after)] if after else []))


async def _named(
    pool: Any, keyring: Keyring, session: Session, now: datetime, rows: Sequence[DeviceRow]
) -> list[Device]:
    """With names while they are shown, each time recorded; else without."""
    if not session.unmasked(now) or not rows:
        return masked(rows, now)
    await reveal(pool, now, session.asker, "devices.read", session.unmasked_for, tuple(r.device_id for r in rows))
    return await named(keyring, rows, now)


STANDINGS = {"reporting": "good", "silent": "warn", "revoked": "bad"}


def row(device: Device, health: Mapping[str, float]) -> Row:
    """What is known, in words."""
    system = (
        device.os_name
        if device.os_name and (device.os_version or "") in device.os_name
        else _joined(device.os_name, device.os_version)
    )
    cells = {
        "state": Cell(device.standing, STANDINGS[device.standing]),
        "heard": Cell(None, "warn" if device.standing == "silent" else "", device.last_contact),
        "host": Cell("masked" if device.masked else device.hostname, "quiet" if device.masked else ""),
        "serial": Cell("masked" if device.masked else device.serial, "quiet" if device.masked else ""),
        "system": Cell(system),
        "model": Cell(_joined(device.manufacturer, device.model)),
        "site": Cell(device.site),
    }
    for name, metric in METRICS.items():
        value = health.get(metric)
        cells[name] = Cell(human(value, "celsius" if name == "temperature" else "ratio"), grave(name, value))
    return Row(device.device_id, device.simulated, cells)


def grave(name: str, value: float | None) -> str:
    """good is said of nothing: what is not grave needs no colour."""
    if value is None:
        return ""
    if name == "battery":
        return "warn" if value < 0.15 else ""
    warn, bad = HIGH[name]
    return "bad" if value >= bad else "warn" if value >= warn else ""


def _joined(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


@get("/fleet.csv", **shown("devices.read", "personal"))
async def fleet_file(
    pool: GivenPool,
    keyring: Given[Keyring],
    secrets: GivenSecrets,
    session: Given[Session],
    now: GivenNow,
    person_of: Given[PersonOf],
    q: FromQuery[str] = "",
    col: FromQuery[list[str] | None] = None,
) -> Response[bytes]:
    """The whole list, as far as a spreadsheet holds it."""
    query, columns = parse(q[:500], secrets.pseudonym), chosen(col)
    written = io.StringIO()
    out = csv.writer(written)
    out.writerow(("device", *columns))
    after, ids = None, list[uuid.UUID]()
    while len(ids) < MOST_IN_A_FILE and (rows := await search(pool, query, after, 1_000)):
        after = rows[-1].device_id
        some = [r.device_id for r in rows]
        ids += some
        health = await glance(pool, some, set(METRICS.values())) if session.asker.may("telemetry.read") else {}
        for device in await _named(pool, keyring, session, now, rows):
            cells = row(device, health.get(device.device_id, {})).cells
            out.writerow((device.device_id, *(plain(cells[name]) for name in columns)))
    people = [await person_of(name) for name in accounts(q)]
    await record_searched(people, pool, session.asker, now, "console", tuple(ids))
    headers = {**HEADERS, "content-disposition": 'attachment; filename="fleet.csv"'}
    return Response(written.getvalue().encode(), media_type="text/csv; charset=utf-8", headers=headers)


def plain(cell: Cell) -> str:
    """For a spreadsheet, which would take what begins with =, +, - or @ for a formula."""
    text = cell.at.isoformat() if cell.at is not None else str(cell.text or "")
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


@post("/fleet/filters", **shown("devices.read", "administration"))
async def keep_filter(data: Form, pool: GivenPool, session: Given[Session], now: GivenNow) -> Response[Any]:
    """Keep the filter that stands in the address under a name, or let one go."""
    marked(session, data)
    name, query = data.get("name", "").strip()[:MOST_NAME], data.get("query", "")[:1_000]
    if not name or not name.isprintable():
        raise Refused("bad-request", "a filter has a name")
    async with pool.acquire() as tx, tx.transaction():
        if data.get("remove"):
            await tx.execute(SQL.remove_filter, session.asker.operator, name, now)
        else:
            await tx.execute(SQL.keep_filter, session.asker.operator, name, query, now)
        await record(tx, now, [_act(session.asker, "removed" if data.get("remove") else "kept")])
    return go(f"/fleet?{query}")


def _act(asker: Asker, what: str) -> Any:
    return by(asker, f"console-filter.{what}", "administration")


ROUTES = (home, fleet, fleet_file, keep_filter)
