"""Temperature sensors of hwmon, and thermal zones that hwmon does not show; `thermal` is the hottest.

Source: the kernel's Documentation/hwmon/sysfs-interface.rst and Documentation/driver-api/thermal/sysfs-api.rst:
both in thousandths of a degree Celsius.
"""

from collections.abc import Iterator
from pathlib import Path

from eucora_wire.sections.hardware import Hardware, Sensor

from .files import entries, line, number, words
from .reading import Context, Reading

MOST = 128
COLDEST, HOTTEST = -50.0, 126.0
"""A diode that is not connected reads -128, -55, 127 or more: chips throttle far below, so nothing true is lost."""


def read(context: Context) -> Reading:
    chips = list(hwmon(context.root))
    known = {name.partition(" ")[0] for name, _ in chips}
    found = chips + [(name, value) for name, value in zones(context.root) if name not in known]
    true = [(name, value / 1000) for name, value in found if COLDEST < value / 1000 < HOTTEST]
    sensors = tuple(Sensor(name=name, value=value) for name, value in true[:MOST])
    hottest = max((value for _, value in true), default=None)
    return Reading(hardware=Hardware(thermal=hottest, sensors=sensors))


def hwmon(root: Path) -> Iterator[tuple[str, int]]:
    """(chip and label, thousandths of a degree) of each sensor without a fault."""
    for chip in entries(root, "sys/class/hwmon"):
        name = words(chip, "name") or chip.name
        for file in sorted(chip.glob("temp*_input")):
            channel = file.name.removesuffix("_input")
            value = number(chip, file.name)
            if value is not None and number(chip, f"{channel}_fault") != 1:
                yield line(f"{name} {words(chip, f'{channel}_label') or channel}", 64) or channel, value


def zones(root: Path) -> Iterator[tuple[str, int]]:
    for zone in entries(root, "sys/class/thermal"):
        value = number(zone, "temp")
        if zone.name.startswith("thermal_zone") and value is not None:
            yield line(words(zone, "type") or zone.name, 64) or zone.name, value
