"""A bundle for whoever helps: what runs, how it is set, what is the matter; no name, no secret, nothing that devices said.

What goes in is chosen, not filtered: settings without where and who, the status, the doctor, our own metrics, sizes of
tables, and of our logs the names of events with their counts. Its manifest says what each file is.
"""

import io
import tarfile
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get

from eucora import __version__
from eucora.domains.audit import by, record
from eucora.domains.devices.view import SILENT
from eucora.operators.doctor import examine
from eucora.operators.house import GivenHouse, Operators
from eucora.operators.meter import GivenMeter, Meter
from eucora.operators.statements import SQL
from eucora.operators.status import standing
from eucora.pipeline.followers import states
from eucora.pipeline.metrics import samples
from eucora.settings import Settings
from eucora.web.declare import declared
from eucora.web.given import GivenAsker, GivenNow

TAIL_BYTES = 4 * 2**20
"""Of each log, its newest part."""
SAID = frozenset(("event", "level", "job", "reason", "fault", "role", "slug", "follower", "at"))
"""What a log line of ours may say here: constants of the code, never an id."""


@get("/support", opt=declared("support.read", "administration"), media_type="application/gzip")
async def bundle(house: GivenHouse, meter: GivenMeter, asker: GivenAsker, now: GivenNow) -> Response[bytes]:
    """The bundle as tar.gz."""
    made = packed(await contents(house, meter, now), now)
    async with house.pool.acquire() as tx, tx.transaction():
        await record(tx, now, [by(asker, "support.bundled", "administration", detail={"bytes": len(made)})])
    headers = {"content-disposition": f'attachment; filename="eucora-support-{now:%Y%m%d-%H%M}.tar.gz"'}
    return Response(made, media_type="application/gzip", headers=headers)


async def contents(house: Operators, meter: Meter, now: datetime) -> dict[str, tuple[str, Any]]:
    """File name to (what it is, what is in it)."""
    status = msgspec.to_builtins(await standing(house, meter, now))
    status.pop("installation")
    sizes = [dict(row) for row in await house.pool.fetch(SQL.sizes)]
    told = [[s.metric.name, *s.labels, s.value, *s.counts] for s in await samples(house.pool, now, SILENT)]
    found = msgspec.json.encode(await examine(house, now)).replace(str(house.settings.data_dir).encode(), b"DATA_DIR")
    return {
        "version.json": ("What runs", {"eucora": __version__, "at": now.isoformat()}),
        "settings.json": (
            "Settings that differ from their defaults; of addresses the scheme and port alone",
            plain(house.settings),
        ),
        "status.json": ("As eucora status", status),
        "doctor.json": ("As eucora doctor", msgspec.json.decode(found)),
        "stores.json": ("As eucora stores", [msgspec.to_builtins(each) for each in await states(house.pool, now)]),
        "metrics.json": ("Our own metrics", told),
        "tables.json": ("Rows and bytes of tables", sizes),
        "logs.json": ("How often our logs said what, newest last", said(house.settings.data_dir / "logs")),
    }


def plain(settings: Settings) -> dict[str, Any]:
    """Without where, and without passwords: paths and hosts name customers."""
    defaults = {f.name: f.default for f in msgspec.structs.fields(Settings)}
    found: dict[str, Any] = {}
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if value == defaults[name]:
            continue
        if isinstance(value, Path) or name in ("public_names", "listen", "logs_tenant"):
            value = "set"
        elif isinstance(value, str) and "://" in value:
            split = urlsplit(value)
            value = f"{split.scheme}://…{f':{split.port}' if split.port else ''}"
        found[name] = value
    return found


def said(folder: Path) -> dict[str, list[list[Any]]]:
    """Of each log of ours, which events it has, how often, and when last."""
    found: dict[str, list[list[Any]]] = {}
    for path in sorted(folder.glob("*.log")):
        counts: Counter[str] = Counter()
        last: dict[str, str] = {}
        for line in _tail(path):
            try:
                event = msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError:
                continue  # a server's own words may repeat anything
            key = " ".join(
                f"{name}={event[name]}" for name in sorted(SAID & event.keys()) if isinstance(event[name], str)
            )
            counts[key] += 1
            last[key] = str(event.get("timestamp", ""))
        found[path.name] = [
            [last[key], count, key] for key, count in sorted(counts.items(), key=lambda each: last[each[0]])
        ]
    return found


def _tail(path: Path) -> list[bytes]:
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - TAIL_BYTES))
        return log.read().splitlines()


def packed(files: dict[str, tuple[str, Any]], now: datetime) -> bytes:
    """A tar.gz with its manifest first."""
    written = io.BytesIO()
    manifest = {"manifest.json": {name: about for name, (about, _) in files.items()}}
    with tarfile.open(fileobj=written, mode="w:gz") as tar:
        for name, value in {**manifest, **{name: value for name, (_, value) in files.items()}}.items():
            body = msgspec.json.format(msgspec.json.encode(value))
            about = tarfile.TarInfo(f"eucora-support/{name}")
            about.size, about.mtime = len(body), int(now.timestamp())
            tar.addfile(about, io.BytesIO(body))
    return written.getvalue()


ROUTES = (bundle,)
