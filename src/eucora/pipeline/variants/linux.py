"""Linux distributions by the PRETTY_NAME of os-release(5): code names, editions and point releases of Ubuntu go."""

import re

from msgspec.structs import replace

from eucora_wire.sections.device import OperatingSystem

_ASIDE = re.compile(r"\s*\([^)]*\)")
_WORDS = re.compile(r"\s+(?:LTS|release|- Version:)(?=\s|$)")
_VERSION = re.compile(r"(?<=\s)v?(\d+(?:\.\d+)*)(?:\s+SP(\d+))?(?=\s|$)")
_UBUNTU = re.compile(r"^(Ubuntu \d+\.\d+)\.\d+")


def linux(os: OperatingSystem) -> OperatingSystem:
    """`Debian GNU/Linux 12`, `Ubuntu 24.04`, `SUSE Linux Enterprise Server 15 SP5`; the version where only the name told."""
    name = _WORDS.sub("", _ASIDE.sub("", os.name)).strip()
    found = _VERSION.search(name)
    name = _UBUNTU.sub(r"\1", re.sub(r"(?<=\s)v(?=\d)", "", name))
    told = ".".join(part for part in found.groups() if part) if found else None
    return replace(os, name=name or os.name, version=os.version or told)
