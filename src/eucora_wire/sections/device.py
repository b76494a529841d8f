"""Facts about the device: sent whole at enrolment and when one changes."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Struct

from eucora_wire.fields import MOST, fact, in_reach, moment, part, text

Family = Literal["windows", "macos", "linux", "other"]
Chassis = Literal["laptop", "desktop", "tablet", "server", "virtual", "other"]


class OperatingSystem(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The operating system in its own words; the platform settles the variants."""

    name: Annotated[str, text("Product name as the system states it", 120)]
    family: Annotated[Family, fact("Family, where the agent knows it")] | None = None
    version: Annotated[str, text("Version", 64)] | None = None
    build: Annotated[str, text("Build or kernel release", 120)] | None = None


class Device(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the device is. Host name and serial name a person's machine: they are sealed at rest."""

    os: Annotated[OperatingSystem, part("Operating system")] | None = None
    hostname: Annotated[str, text("Host name", 255, data="personal", purposes=("support",))] | None = None
    serial: Annotated[str, text("Serial number", 128, data="personal", purposes=("support", "inventory"))] | None = None
    manufacturer: Annotated[str, text("Manufacturer", 120)] | None = None
    model: Annotated[str, text("Model", 120)] | None = None
    chassis: Annotated[Chassis, fact("Form")] | None = None
    architecture: Annotated[str, text("Processor architecture as the system states it", 32)] | None = None
    cpu_model: Annotated[str, text("Processor model", 120)] | None = None
    cpu_count: Annotated[int, fact("Logical processors", ge=1, le=65_536)] | None = None
    memory_bytes: Annotated[int, fact("Installed memory", unit="bytes", ge=0, le=MOST)] | None = None
    boot_time: Annotated[datetime, moment("When it was booted")] | None = None
    timezone: Annotated[str, text("IANA time zone or offset", 64)] | None = None
    virtual: Annotated[str, text("Hypervisor or container, absent on bare metal", 64)] | None = None
    vdi: Annotated[bool, fact("A virtual desktop")] | None = None
    tpm: Annotated[str, text("TPM version or secure enclave", 64, purposes=("security",))] | None = None
    disk_encrypted: Annotated[bool, fact("The system volume is encrypted", purposes=("security",))] | None = None
    firmware: Annotated[str, text("Firmware vendor and version", 160, purposes=("security",))] | None = None

    def __post_init__(self) -> None:
        in_reach(self.boot_time)
