"""A device as operators see it: what identifies a person is masked, unless it was asked for with a purpose."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from eucora.domains.devices.personal import open_names
from eucora.domains.devices.records import DeviceRow
from eucora.journal.keys import Keyring

SEALED = ("key_no", "hostname_sealed", "serial_sealed")
OPEN = tuple(name for name in DeviceRow.__struct_fields__ if name not in SEALED)


SILENT = timedelta(minutes=15)
"""Not heard of for so long, a device is silent; `search` in queries.sql knows it too."""


class Device(Struct, frozen=True, kw_only=True):
    """`masked`: host name and serial were not asked for. Else they are null when unknown or erased.

    `standing`: an enrolled device is reporting, or silent. `simulated`: there is no such device; it was made by
    `eucora demo`.
    """

    device_id: uuid.UUID
    state: str
    standing: Literal["reporting", "silent", "revoked"]
    enrolled_at: datetime
    revoked_at: datetime | None
    last_contact: datetime | None
    masked: bool
    hostname: str | None
    serial: str | None
    manufacturer: str | None
    model: str | None
    chassis: str | None
    os_family: str | None
    os_name: str | None
    os_version: str | None
    os_build: str | None
    architecture: str | None
    cpu_model: str | None
    cpu_count: int | None
    memory_bytes: int | None
    boot_time: datetime | None
    timezone: str | None
    virtual: str | None
    vdi: bool | None
    tpm: str | None
    disk_encrypted: bool | None
    firmware: str | None
    site: str | None
    simulated: bool
    event_time: datetime | None
    received_at: datetime


def masked(rows: Sequence[DeviceRow], now: datetime) -> list[Device]:
    """Without names."""
    return [Device(masked=True, hostname=None, serial=None, **_open(row, now)) for row in rows]


async def shown(keyring: Keyring, rows: Sequence[DeviceRow], now: datetime) -> list[Device]:
    """With names. The caller has recorded who asked, and why."""
    names = await open_names(keyring, rows)
    return [
        Device(
            masked=False, hostname=names[row.device_id].hostname, serial=names[row.device_id].serial, **_open(row, now)
        )
        for row in rows
    ]


def _open(row: DeviceRow, now: datetime) -> dict[str, Any]:
    silent = row.last_contact is None or now - row.last_contact > SILENT
    standing = "revoked" if row.state == "revoked" else "silent" if silent else "reporting"
    return {name: getattr(row, name) for name in OPEN} | {"standing": standing}
