"""Who plays: machines with a model, a system, a site and a person, the same for the same seed. No name is a real one."""

from random import Random

from msgspec import Struct

from eucora_wire.delta import Inventory, inventory
from eucora_wire.sections.device import Chassis, Family
from eucora_wire.sections.software import Package

SITES = ("Demo Lyon", "Demo Oslo", "Demo Porto")
DRIVER = "nwgfx"
"""The display driver of one model, of which a bad version goes round."""


class Model(Struct, frozen=True):
    """A kind of machine."""

    manufacturer: str
    name: str
    chassis: Chassis
    cpu: str
    cores: int
    memory_gib: int
    driver: bool = False


class System(Struct, frozen=True):
    """An operating system, and what is installed under it: (name, version)."""

    name: str
    family: Family
    version: str
    build: str
    source: str
    packages: tuple[tuple[str, str], ...]


class Machine(Struct, frozen=True):
    """One of the cast; `number` from 1. Parts: hot_desk (whoever comes), away (three weeks), filling, worn, shedding."""

    number: int
    hostname: str
    serial: str
    model: Model
    system: System
    site: str
    person: str
    part: str = ""

    @property
    def from_home(self) -> bool:
        """Whether it often comes in over the VPN."""
        return self.model.chassis == "laptop" and self.number % 2 == 0


MODELS = (
    Model("Northwind", "Book 14", "laptop", "NW Core 7", 8, 16, driver=True),
    Model("Northwind", "Book 16", "laptop", "NW Core 9", 12, 32),
    Model("Fabrikam", "Slate 13", "laptop", "FK M3", 8, 16),
    Model("Fabrikam", "Tower 5", "desktop", "FK X5", 16, 32),
)
SHARES = (0, 0, 0, 1, 1, 2, 2, 2, 3, 3)
"""Of ten machines, which model each is."""

EVERYWHERE = (
    ("Meet", "6.2.1"),
    ("Mail", "16.0.5"),
    ("Sheets", "24.8.2"),
    ("Pages", "24.8.2"),
    ("Browser", "141.0.2"),
    ("VPN Client", "5.1.4"),
    ("Endpoint Guard", "9.30.1"),
    ("Chat", "4.40.0"),
    ("PDF Reader", "25.2.1"),
    ("Backup Agent", "3.11.0"),
    ("openssl", "3.0.15"),
    ("zlib", "1.3.1"),
    ("curl", "8.11.0"),
    ("python", "3.13.1"),
    ("git", "2.47.1"),
)
SYSTEMS = {
    "windows": System(
        "Windows 11 Enterprise", "windows", "24H2", "26100.2314", "msi",
        (*EVERYWHERE, ("VC Runtime", "14.42"), ("PowerShell", "7.4.6"), (DRIVER, "31.2")),
    ),
    "macos": System("macOS 26", "macos", "26.1", "25B78", "pkg", (*EVERYWHERE, ("Rosetta", "2.1"))),
    "linux": System("Ubuntu 24.04 LTS", "linux", "24.04", "6.8.0-49", "deb", (*EVERYWHERE, ("bash", "5.2.21"))),
}  # fmt: skip
PARTS = {3: "away", 7: "hot_desk", 11: "filling", 17: "worn", 5: "shedding"}
"""By number: who has a part of its own."""


def dice(*of: object) -> Random:
    """The same numbers for the same words, in every process."""
    return Random("/".join(map(str, of)))  # noqa: S311 - a story is no secret


def cast(seed: int, count: int) -> list[Machine]:
    """The first `count` machines of a seed; a larger cast begins with the smaller one."""
    return [_machine(seed, number) for number in range(1, count + 1)]


def _machine(seed: int, number: int) -> Machine:
    chance = dice(seed, number)
    part = PARTS.get(number, "")
    model = MODELS[0] if part in ("away", "hot_desk") else MODELS[SHARES[number % len(SHARES)]]
    kind = "macos" if model.name == "Slate 13" else "linux" if chance.random() < 0.08 else "windows"
    site = SITES[chance.choice((0, 0, 1, 1, 2))]
    return Machine(
        number=number,
        hostname=f"demo-{site[5:8].lower()}-{number:04}",
        serial=f"DEMO-{seed:04}-{number:05}",
        model=model if kind == "windows" or not model.driver else MODELS[1],
        system=SYSTEMS[kind],
        site=site,
        person=f"demo.person{number:04}",
        part=part,
    )


def installed(machine: Machine) -> dict[tuple[str, str, str, str], Package]:
    """What is on it when the story begins."""
    system = machine.system
    packages = [(n, v) for n, v in system.packages if n != DRIVER or machine.model.driver]
    return inventory(Package(name, version, source=system.source, architecture="x86_64") for name, version in packages)


def updated(before: Inventory, name: str, version: str) -> dict[tuple[str, str, str, str], Package]:
    """The same with another version of one package."""
    kept = [p for p in before.values() if p.name != name]
    (was,) = [p for p in before.values() if p.name == name]
    return inventory([*kept, Package(name, version, source=was.source, architecture=was.architecture)])
