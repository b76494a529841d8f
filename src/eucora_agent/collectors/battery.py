"""Batteries of the machine itself, not of its mouse; `battery` is the lowest charge.

Source: the kernel's Documentation/ABI/testing/sysfs-class-power.
"""

from pathlib import Path

from eucora_wire.sections.hardware import Battery, Hardware

from .files import entries, line, number, words
from .reading import Context, Reading

MOST = 8


def read(context: Context) -> Reading:
    supplies = entries(context.root, "sys/class/power_supply")
    plugged = on_mains(supplies)
    found = [battery(supply, plugged) for supply in supplies if _own_battery(supply)]
    batteries = tuple(b for b in found if b is not None)[:MOST]
    return Reading(hardware=Hardware(battery=min((b.charge for b in batteries), default=None), batteries=batteries))


def on_mains(supplies: list[Path]) -> bool | None:
    """Whether any charger delivers; None when the machine shows no charger."""
    online = [number(s, "online") for s in supplies if words(s, "type") in ("Mains", "USB", "Wireless")]
    return any(n for n in online if n) if online else None


def battery(supply: Path, plugged: bool | None) -> Battery | None:
    """None for an empty bay. A cycle count of 0 is how drivers say that they do not know."""
    charge = number(supply, "capacity")
    if charge is None or number(supply, "present") == 0:
        return None
    if plugged is None and (status := words(supply, "status")) in ("Charging", "Discharging"):
        plugged = status == "Charging"
    return Battery(
        name=line(supply.name, 64) or "battery",
        charge=float(min(100, max(0, charge))),
        cycles=number(supply, "cycle_count") or None,
        capacity=aged(supply),
        plugged=plugged,
    )


def aged(supply: Path) -> float | None:
    """What a full charge holds today, in percent of the design, in whichever of the two quantities the driver speaks."""
    for kind in ("energy", "charge"):
        now, new = number(supply, f"{kind}_full"), number(supply, f"{kind}_full_design")
        if now and new and new > 0:
            return round(min(150.0, 100 * now / new), 1)
    return None


def _own_battery(supply: Path) -> bool:
    return words(supply, "type") == "Battery" and words(supply, "scope") != "Device"
