"""Device facts in canonical words: many spellings of one system, maker or processor become one, placeholders go.

Pure and idempotent. What is not recognised stays as it was said. Recorded samples, with their sources, lie in
tests/samples/devices.toml.
"""

import re

from msgspec.structs import replace

from eucora.pipeline.variants.linux import linux
from eucora.pipeline.variants.macos import macos
from eucora.pipeline.variants.makers import MAKERS, PLACEHOLDERS
from eucora.pipeline.variants.windows import windows
from eucora_wire.sections.device import Device, Family, OperatingSystem

ARCHITECTURES = {
    **dict.fromkeys(("x86_64", "amd64", "x64", "em64t", "x64-based pc", "64-bit", "64 bits", "64-разрядная"), "x86_64"),
    **dict.fromkeys(("64 bit", "64 位", "64 ビット", "64비트", "x86-64", "intel64"), "x86_64"),
    **dict.fromkeys(("arm64", "aarch64", "arm64e", "arm 64-bit processor", "arm64-based pc", "armv8"), "arm64"),
    **dict.fromkeys(
        ("x86", "i386", "i486", "i586", "i686", "x86-based pc", "32-bit", "32 bits", "32-разрядная"), "x86"
    ),
    **dict.fromkeys(("armv7l", "armv7", "armhf", "arm 32-bit processor"), "armv7"),
}
"""As Windows (also French, Russian, Chinese, Japanese, Korean), macOS and Linux state it."""

_LEGAL = re.compile(r"[,.]?\s+(?:inc|corp|corporation|co|ltd|llc|gmbh|ag|s\.?a|computer|international)\b\.?,?", re.I)
_MEANINGLESS = re.compile(r"[\s0fx.\-_*#]*|0?1234567(?:8(?:90?)?)?", re.I)


def normalise_device(device: Device) -> Device:
    """Canonical words throughout; what is a placeholder is absent."""
    maker = manufacturer(device.manufacturer)
    return replace(
        device,
        os=operating_system(device.os),
        manufacturer=maker,
        model=model(device.model, maker, device.manufacturer),
        serial=stated(device.serial),
        architecture=architecture(device.architecture),
    )


def operating_system(os: OperatingSystem | None) -> OperatingSystem | None:
    """Name, version and build as their own family has them. The family follows from the name where the agent left it out."""
    if os is None:
        return None
    os = replace(os, name=" ".join(os.name.split()), family=os.family or family(os.name))
    settle = {"windows": windows, "macos": macos, "linux": linux}.get(os.family or "")
    return settle(os) if settle else os


def family(name: str) -> Family:
    """By the words that every name of the family holds."""
    low = name.casefold()
    if "windows" in low or "hyper-v server" in low:
        return "windows"
    if low.startswith(("macos", "mac os", "os x", "darwin")):
        return "macos"
    return "linux" if any(word in low for word in LINUXES) else "other"


LINUXES = (
    "linux",
    "ubuntu",
    "debian",
    "fedora",
    "centos",
    "suse",
    "sles",
    "mint",
    "gentoo",
    "nixos",
    "pop!_os",
    "alpine",
)


def architecture(said: str | None) -> str | None:
    """x86_64, arm64, x86, armv7; others in lower case."""
    if stated(said) is None or said is None:
        return None
    low = " ".join(said.casefold().split())
    return ARCHITECTURES.get(low, low)


def manufacturer(said: str | None) -> str | None:
    """The name people use; one that we don't know loses its legal form only."""
    text = stated(said)
    if text is None:
        return None
    low = text.casefold()
    known = next((name for start, name in MAKERS if low.startswith(start)), None)
    return known or _LEGAL.sub("", text).strip(" ,.") or text


def model(said: str | None, maker: str | None, maker_said: str | None) -> str | None:
    """Without the maker's name in front."""
    text = stated(said)
    for name in (maker_said, maker):
        if text and name and text.casefold().startswith(name.casefold() + " "):
            text = text[len(name) + 1 :].strip()
    return text


def stated(said: str | None) -> str | None:
    """None for what firmware says when nobody filled it in."""
    if said is None:
        return None
    text = " ".join(said.split())
    return None if text.casefold() in PLACEHOLDERS or _MEANINGLESS.fullmatch(text) else text
