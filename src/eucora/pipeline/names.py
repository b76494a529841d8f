"""Names that a device gives, as far as they may stand in a label or a shape: none of them may be a person's. Pure.

What a maker, a driver or a system named is kept; a name that somebody may have given to a thing of theirs is `other`.
"""

import re
from functools import lru_cache

# Linux: the names and labels under drivers/hwmon, drivers/thermal, drivers/power and drivers/platform.
DRIVERS = """
acpi acpitz adt air amb ambient amdgpu apple applesmc asus atk bat battery board bridge case ccd charger chip chipset cmb
composite core coretemp cpu ddr dell dimm drivetemp ec edge exhaust fam fan gigabyte gpu hdd hp hwmon id in inlet intake
intel internal iwlwifi jc junction k lm macsmc mainboard mch mem memory mt nct nouveau npu nvme other outlet package palm
pch peci phy pkg power processor radeon ram sbi sbr sensor skin smc smm soc sodimm spd ssd sys system systin tccd tctl tdie
temp temperature therm thermal thinkpad ts tsi tz vr vram vrm water wifi wmi x zen zenpower zone
"""
PARTS = frozenset(DRIVERS.split())

_LETTERS = re.compile(r"[^\W\d_]+")
_SYSTEMS = re.compile(
    r"/(usr|opt|bin|sbin|lib\w*|snap|nix|var/lib/flatpak|Applications|System|Library)/"
    r"|[A-Z]:\\(Windows|Program Files( \(x86\))?|ProgramData)\\",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_part(name: str) -> bool:
    """Whether a sensor or battery is named in the words of drivers, and in no other."""
    return all(word.lower() in PARTS for word in _LETTERS.findall(name))


@lru_cache(maxsize=4096)
def program(name: str) -> str:
    """A program by the end of its path where a system put it; in anybody's folder its name may be theirs: `other`."""
    *folders, last = re.split(r"[/\\]", name)
    return last or name if not folders or _SYSTEMS.match(name) else "other"
