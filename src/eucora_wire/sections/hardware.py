"""Device health: processor, memory, disk, temperature, battery (seed §4.1, §4.2)."""

from typing import Annotated, Literal

from msgspec import Struct

from eucora_wire.fields import fact, listing, measure, text

TemperatureUnit = Literal["celsius", "fahrenheit", "kelvin", "kelvin_tenths"]
SizeUnit = Literal["bytes", "kibibytes", "mebibytes"]
ShareUnit = Literal["percent", "fraction"]


class Volume(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One mounted volume. Sizes in `unit`, as the system states them; the platform stores bytes."""

    mount: Annotated[str, text("Mount point or drive", data="content", mask="path")]
    total: Annotated[float, measure("bytes", "system_filesystem_limit_bytes", "Size of the volume", ge=0)]
    used: Annotated[float, measure("bytes", "system_filesystem_usage_bytes", "Used on the volume", ge=0)]
    unit: Annotated[SizeUnit, fact("Unit of total and used")] = "bytes"
    filesystem: Annotated[str, text("File system type", 32)] | None = None


class Sensor(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One temperature sensor, in the unit its driver speaks; the platform stores Celsius."""

    name: Annotated[str, text("Chip and label", 64)]
    value: Annotated[float, measure("celsius", "hw_temperature_celsius", "Reading of the sensor", ge=-500, le=10_000)]
    unit: Annotated[TemperatureUnit, fact("Unit of value")] = "celsius"


class Battery(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One battery: charge in `unit`, and how it has aged."""

    name: Annotated[str, text("Battery name", 64)]
    charge: Annotated[float, measure("percent", "hw_battery_charge_ratio", "Charge of the battery", ge=0, le=100)]
    unit: Annotated[ShareUnit, fact("Unit of charge")] = "percent"
    cycles: Annotated[int, measure("count", "hw_battery_cycles", "Charge cycles so far", ge=0, le=100_000)] | None = (
        None
    )
    capacity: (
        Annotated[
            float, measure("percent", "hw_battery_capacity_ratio", "Full capacity against the design's", ge=0, le=150)
        ]
        | None
    ) = None
    plugged: Annotated[bool, fact("On external power")] | None = None


class Hardware(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the device says about its own body; `disk` is the worst volume, `thermal` the hottest sensor."""

    cpu: (
        Annotated[
            float,
            measure(
                "percent",
                "system_cpu_utilization_ratio",
                "Processor in use, all cores, since the payload before",
                ge=0,
                le=100,
            ),
        ]
        | None
    ) = None
    memory: (
        Annotated[float, measure("percent", "system_memory_utilization_ratio", "Memory in use", ge=0, le=100)] | None
    ) = None
    disk: (
        Annotated[
            float, measure("percent", "system_filesystem_utilization_ratio", "The fullest fixed volume", ge=0, le=100)
        ]
        | None
    ) = None
    thermal: (
        Annotated[float, measure("celsius", "hw_temperature_max_celsius", "The hottest sensor", ge=-90, le=250)] | None
    ) = None
    battery: (
        Annotated[float, measure("percent", "hw_battery_charge_min_ratio", "The lowest battery", ge=0, le=100)] | None
    ) = None
    memory_total: Annotated[int, measure("bytes", "system_memory_limit_bytes", "Memory installed", ge=0)] | None = None
    memory_used: (
        Annotated[int, measure("bytes", "system_memory_usage_bytes", "Memory in use, in bytes", ge=0)] | None
    ) = None
    swap_used: Annotated[int, measure("bytes", "system_paging_usage_bytes", "Swap in use", ge=0)] | None = None
    uptime: Annotated[float, measure("seconds", "system_uptime_seconds", "Time since boot", ge=0)] | None = None
    volumes: Annotated[tuple[Volume, ...], listing("Every fixed volume", 64)] = ()
    sensors: Annotated[tuple[Sensor, ...], listing("Every temperature sensor", 128)] = ()
    batteries: Annotated[tuple[Battery, ...], listing("Every battery", 8)] = ()
