"""Wire units to canonical ones: ratio, seconds, bits a second, bytes, Celsius. Pure, and one table.

A payload's own numbers travel in one unit each (the registry names it) and are scaled when they become samples; volumes,
sensors and batteries name theirs, and are settled here. `normalise_hardware` also fills the seed's one number of many.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec.structs import replace

from eucora_wire.sections.hardware import Battery, Hardware, Sensor, Volume


class Unit(NamedTuple):
    """canonical value = (value - zero) × scale."""

    canonical: str
    scale: float
    zero: float = 0.0


UNITS = {
    "percent": Unit("ratio", 0.01),
    "fraction": Unit("ratio", 1.0),
    "seconds": Unit("seconds", 1.0),
    "ms": Unit("seconds", 0.001),
    "mbps": Unit("bits_per_second", 1e6),
    "bytes": Unit("bytes", 1.0),
    "kibibytes": Unit("bytes", 1024.0),
    "mebibytes": Unit("bytes", 1024.0**2),
    "count": Unit("count", 1.0),
    "celsius": Unit("celsius", 1.0),
    "fahrenheit": Unit("celsius", 5 / 9, zero=32.0),
    "kelvin": Unit("celsius", 1.0, zero=273.15),
    "kelvin_tenths": Unit("celsius", 0.1, zero=2731.5),
}
SCALE = {name: unit.scale for name, unit in UNITS.items() if not unit.zero and unit.scale != 1.0}
"""For units that a factor alone converts; those that are not in it are canonical on the wire, or settled here."""

COLDEST, HOTTEST = -90.0, 250.0
"""What a thermometer may say, as the registry bounds `thermal`: beyond it, the unit was another than the one named."""


class OutOfRange(ValueError):
    """A value is out of range in its own unit."""

    def __init__(self, path: str, detail: str = "") -> None:
        super().__init__(path)
        self.path = path
        self.detail = detail


def canonical(value: float, unit: str) -> float:
    """The value in the canonical unit."""
    known = UNITS[unit]
    return (value - known.zero) * known.scale


def stated(value: float, unit: str) -> float:
    """A canonical value in this unit: the inverse of `canonical`."""
    known = UNITS[unit]
    return value / known.scale + known.zero


def normalise_hardware(hardware: Hardware) -> Hardware:
    """Volumes in bytes, sensors in Celsius, batteries in percent; the worst of each where the device left that out.

    The same object when there is nothing to do. Raises OutOfRange with the path of the value.
    """
    if not (hardware.volumes or hardware.sensors or hardware.batteries):
        return hardware
    h = hardware
    volumes = tuple([_volume(v, n) for n, v in enumerate(h.volumes)])
    sensors = tuple([_sensor(s, n) for n, s in enumerate(h.sensors)])
    batteries = tuple([_battery(b, n) for n, b in enumerate(h.batteries)])
    better = replace(
        h,
        volumes=volumes,
        sensors=sensors,
        batteries=batteries,
        disk=_given(h.disk, max, (min(100.0, 100 * v.used / v.total) for v in volumes if v.total)),
        thermal=_given(h.thermal, max, (s.value for s in sensors)),
        battery=_given(h.battery, min, (b.charge for b in batteries)),
    )
    return h if better == h else better


def _given(own: float | None, worst: Callable[..., float | None], all_of_them: Iterable[float]) -> float | None:
    """What the device said, else the worst of all."""
    return worst(all_of_them, default=None) if own is None else own


def _volume(v: Volume, place: int) -> Volume:
    if v.used > v.total:
        raise OutOfRange(f"$.hardware.volumes[{place}].used", "expected at most `total`")
    if v.unit == "bytes":
        return v
    return replace(v, total=canonical(v.total, v.unit), used=canonical(v.used, v.unit), unit="bytes")


def _sensor(s: Sensor, place: int) -> Sensor:
    value = s.value if s.unit == "celsius" else round(canonical(s.value, s.unit), 3)
    if not COLDEST <= value <= HOTTEST:
        raise OutOfRange(f"$.hardware.sensors[{place}].value", f"expected {COLDEST:g} to {HOTTEST:g} degrees Celsius")
    return s if s.unit == "celsius" else replace(s, value=value, unit="celsius")


def _battery(b: Battery, place: int) -> Battery:
    if b.unit == "percent":
        return b
    if b.charge > 1:
        raise OutOfRange(f"$.hardware.batteries[{place}].charge", "expected at most 1 as a fraction")
    return replace(b, charge=100 * b.charge, unit="percent")
