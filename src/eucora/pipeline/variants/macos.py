"""macOS by what sw_vers(1) prints, in one string or in three."""

import re

from msgspec.structs import replace

from eucora_wire.sections.device import OperatingSystem

NAMES = {
    "10.11": "El Capitan",
    "10.12": "Sierra",
    "10.13": "High Sierra",
    "10.14": "Mojave",
    "10.15": "Catalina",
    "11": "Big Sur",
    "12": "Monterey",
    "13": "Ventura",
    "14": "Sonoma",
    "15": "Sequoia",
    "26": "Tahoe",
}
"""Apple's names, by what marks a new system: two numbers until 10.15, one since."""

_VERSION = re.compile(r"(?<![\w.])(\d{2}(?:\.\d+)*)(?![\w.])")
_BUILD = re.compile(r"(?<!\w)(\d{2}[A-Z]\d{1,5}[a-z]?)(?!\w)")


def macos(os: OperatingSystem) -> OperatingSystem:
    """`macOS 14 Sonoma`, its version (`14.6.1`), its build (`23G93`)."""
    version, build = _found(_VERSION, os.version, os.name), _found(_BUILD, os.build, os.version, os.name)
    if version is None:
        return replace(os, name="macOS", build=build or os.build)
    parts = version.split(".")
    major = ".".join(parts[:2]) if parts[0] == "10" else parts[0]
    # What was settled before says its major version only in the name.
    kept = os.version if os.version and os.version.startswith(major) and _VERSION.fullmatch(os.version) else version
    return replace(os, name=f"macOS {major} {NAMES.get(major, '')}".strip(), version=kept, build=build or os.build)


def _found(pattern: re.Pattern[str], *texts: str | None) -> str | None:
    return next((match[1] for text in texts if text and (match := pattern.search(text))), None)
