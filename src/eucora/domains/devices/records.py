"""What a device is known to be."""

import uuid
from datetime import datetime

from msgspec import Struct

COHORT = (
    "model",
    "os_name",
    "os_version",
    "os_build",
    "architecture",
    "firmware",
    "timezone",
    "virtual",
    "disk_encrypted",
)
"""Facts by which devices are compared: kept as change points, since a cause needs the value at the time of the event."""

GROUPS = {name: name for name in (*COHORT, "site", "network", "policy")} | {"os": "os_name", "version": "os_version"}
"""What devices can be grouped by: its name, and the attribute behind it."""


class DeviceRow(Struct, frozen=True, kw_only=True):
    """One device. Host name and serial stay sealed until `personal.open_names`; `last_contact`: its newest batch."""

    device_id: uuid.UUID
    state: str
    enrolled_at: datetime
    revoked_at: datetime | None
    last_contact: datetime | None
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
    key_no: int | None
    hostname_sealed: bytes | None
    serial_sealed: bytes | None


class Interval(Struct, frozen=True):
    """A fact of a device and when it held; `valid_to` is None while it holds."""

    attribute: str
    value: str | None
    valid_from: datetime
    valid_to: datetime | None
