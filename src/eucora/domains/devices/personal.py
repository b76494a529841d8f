"""Host name and serial in clear: who calls this leaves an audit event."""

import uuid
from collections.abc import Sequence

from msgspec import Struct

from eucora.domains.devices.records import DeviceRow
from eucora.journal.keys import Keyring
from eucora.sealing import Unopenable, open_sealed


class Names(Struct, frozen=True):
    """What names a person's machine; None where it was not told or its key is destroyed."""

    hostname: str | None
    serial: str | None


async def open_names(keyring: Keyring, rows: Sequence[DeviceRow]) -> dict[uuid.UUID, Names]:
    """Device to its names."""
    keys = await keyring.by_number({row.key_no for row in rows if row.key_no is not None})

    def opened(row: DeviceRow, name: str, sealed: bytes | None) -> str | None:
        key = None if row.key_no is None else keys.get(row.key_no)
        if key is None or sealed is None:
            return None
        try:
            return open_sealed(key, sealed, f"devices.{name}_sealed/{row.device_id}".encode()).decode()
        except Unopenable:
            return None

    return {
        row.device_id: Names(opened(row, "hostname", row.hostname_sealed), opened(row, "serial", row.serial_sealed))
        for row in rows
    }
