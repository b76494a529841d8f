"""Trains the dictionary that bodies are packed with: `python -m docs.dictionary NUMBER` writes it beside the others.

It learns from invented machines, since what a dictionary learnt is in it word for word, and it is published: payloads as the
agent makes them, by the types of the contract, their values drawn. A new one is made when payloads look different, under the
next number; those before it stay as they are.
"""

import argparse
import base64
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

import zstandard

from eucora_agent.packing import LEVEL
from eucora_wire import dictionary
from eucora_wire.payload import Payload, encode
from eucora_wire.sections.agent import Agent, Holds
from eucora_wire.sections.apps import Apps, Crash
from eucora_wire.sections.changes import Change
from eucora_wire.sections.events import Event
from eucora_wire.sections.hardware import Battery, Hardware, Sensor, Volume
from eucora_wire.sections.logs import Line
from eucora_wire.sections.network import Network
from eucora_wire.sections.sessions import Context, Session
from eucora_wire.sections.software import Changed, Delta, Package, Removed, Software

SIZE = 8 * 1024
SAMPLES = 4_000
BATCHES = (1, 1, 1, 1, 1, 1, 2, 5)
"""Payloads in a body: one while the device is online."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("number", type=int)
    number = parser.parse_args().number
    if number in dictionary.DIGESTS:
        parser.error(f"{number} is in use, and stays as it is; the next is {max(dictionary.DIGESTS) + 1}")
    file = dictionary.FOLDER / f"{number}.zdict"
    file.write_bytes(trained(number))
    print(f"{file}: name its SHA-256 in {dictionary.__name__}.DIGESTS")


def trained(number: int) -> bytes:
    """The same bytes for the same version of zstd."""
    samples = list(bodies(Random(number), SAMPLES))  # noqa: S311 - nothing is kept secret by it
    return zstandard.train_dictionary(SIZE, samples, dict_id=number, level=LEVEL).as_bytes()


def bodies(chance: Random, count: int) -> Iterator[bytes]:
    """As they are before they are packed."""
    for _ in range(count):
        machine = Machine(chance)
        yield encode([machine.says() for _ in range(chance.choice(BATCHES))])


VOLUMES = {
    "linux": (
        ("/", "ext4"),
        ("/boot", "ext4"),
        ("/boot/efi", "vfat"),
        ("/home", "ext4"),
        ("/", "xfs"),
        ("/var", "btrfs"),
    ),
    "windows": (("C:", "NTFS"), ("D:", "NTFS")),
    "macos": (("/", "apfs"), ("/System/Volumes/Data", "apfs")),
}
SENSORS = ("coretemp Package id 0", "coretemp Core 0", "coretemp Core 4", "nvme Composite", "nvme Sensor 1", "acpitz temp1",
           "k10temp Tctl", "amdgpu edge", "iwlwifi_1 temp1", "thinkpad CPU", "pch_skylake temp1")  # fmt: skip
PACKAGES = (
    "firefox",
    "chromium",
    "openssl",
    "libssl3",
    "curl",
    "libc6",
    "linux-image-amd64",
    "thunderbird",
    "python3",
    "sudo",
)
GIB = 2**30
DAY = timedelta(days=1)


class Machine:
    """An invented machine: what stays the same of it from payload to payload, and what it says."""

    def __init__(self, chance: Random) -> None:
        self.chance, self.device, self.subject = chance, _id(chance), _id(chance)
        self.family = chance.choice(("linux", "linux", "windows", "macos"))
        self.volumes = VOLUMES[self.family][: chance.randint(1, 4)]
        self.sensors = chance.sample(SENSORS, chance.randint(0, 4))
        self.laptop = chance.random() < 0.7
        self.memory = chance.choice((8, 16, 32, 64)) * GIB
        self.at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=chance.randrange(2**38))
        self.booted = self.at - chance.random() * 10 * DAY

    def says(self) -> Payload:
        """The payload of the next minute: health, and now and then what else an agent tells."""
        chance = self.chance
        self.at += timedelta(milliseconds=60_000 + chance.randint(0, 40))
        more = {}
        if chance.random() < 0.04:
            more = chance.choice((self._software, self._session, self._crash, self._event, self._line))()
        return Payload(
            device_id=self.device,
            timestamp=self.at,
            user_id=self.subject if chance.random() < 0.9 else None,
            hardware=self._hardware(),
            network=self._network() if chance.random() < 0.9 else None,
            agent=self._agent(holding=bool(more) or chance.random() < 0.02),
            **more,
        )

    def _hardware(self) -> Hardware:
        chance, used = self.chance, self.chance.uniform(0.2, 0.9)
        sensors = tuple(Sensor(name, chance.randint(30_000, 90_000) / 1000) for name in self.sensors)
        charge = float(chance.randint(5, 100))
        return Hardware(
            cpu=round(chance.uniform(0, 100), 2),
            memory=round(100 * used, 2),
            disk=round(chance.uniform(10, 95), 2),
            thermal=max((each.value for each in sensors), default=None),
            battery=charge if self.laptop else None,
            memory_total=self.memory,
            memory_used=int(self.memory * used),
            swap_used=chance.choice((None, 0, chance.randint(0, 4 * GIB) // 4096 * 4096)),
            uptime=round((self.at - self.booted).total_seconds(), 2),
            volumes=tuple(self._volume(mount, filesystem) for mount, filesystem in self.volumes),
            sensors=sensors,
            batteries=(
                (Battery("BAT0", charge, cycles=chance.randint(1, 900), capacity=round(chance.uniform(50, 100), 1),
                         plugged=chance.random() < 0.5),) if self.laptop else ()
            ),
        )  # fmt: skip

    def _volume(self, mount: str, filesystem: str) -> Volume:
        total = self.chance.randint(2**20, 2**30) // 4 * 4096
        return Volume(mount, total, self.chance.randint(0, total) // 4096 * 4096, filesystem=filesystem)

    def _network(self) -> Network:
        chance = self.chance
        errors, drops = (0, chance.choice((0, 0, chance.randint(1, 900))))
        return Network(
            latency_ms=round(chance.uniform(0.2, 120), 3),
            throughput_mbps=round(chance.uniform(0, 60), 3),
            proxy=chance.random() < 0.2,
            probes=5,
            probes_lost=chance.choice((0, 0, 0, 0, 1)),
            received=chance.randint(10**6, 10**11),
            sent=chance.randint(10**6, 10**10),
            errors=errors,
            drops=drops,
        )

    def _agent(self, *, holding: bool) -> Agent:
        chance = self.chance
        offline = chance.random() < 0.1
        return Agent(
            version="0.1.0",
            queue_depth=chance.randint(1, 900) if offline else chance.choice((0, 0, 1)),
            status="offline" if offline else "healthy",
            retries=chance.choice((0, 0, chance.randint(1, 400))),
            heartbeat_failures=chance.choice((0, 0, chance.randint(1, 90))),
            shed=0,
            memory=chance.randint(9_000, 12_000) * 4096,
            cpu_seconds=chance.randint(100, 90_000) / 100,
            severity="S1" if offline and chance.random() < 0.5 else None,
            holds=Holds(_digest(chance), _digest(chance), _digest(chance)) if holding else None,
        )

    def _software(self) -> dict[str, object]:
        name, before, after = self.chance.choice(PACKAGES), self._version(), self._version()
        was = Removed(name, before, "dpkg", "amd64")
        now = Package(
            name, after, source="dpkg", architecture="amd64", purl=f"pkg:deb/debian/{name}@{after}?arch=amd64"
        )
        change = Change(_id(self.chance), self.at, "update", name, before, after)
        delta = Delta(_digest(self.chance), _digest(self.chance), changed=(Changed(was, now),))
        return {"software": Software(delta=delta), "changes": (change,)}

    def _version(self) -> str:
        return ".".join(str(self.chance.randint(0, 99)) for _ in range(3)) + f"-{self.chance.randint(1, 9)}"

    def _session(self) -> dict[str, object]:
        ends = self.at if self.chance.random() < 0.5 else None
        started = self.at - self.chance.random() * DAY
        session = Session(_id(self.chance), self.subject, self.device, started, ends, Context("corp", vpn=False))
        return {"sessions": (session,)}

    def _crash(self) -> dict[str, object]:
        crash = Crash(_id(self.chance), self.at, self.chance.choice(PACKAGES), signal="SIGSEGV", core=True)
        return {"apps": Apps(crashes=(crash,))}

    def _event(self) -> dict[str, object]:
        name = self.chance.choice(("collector_failed", "delivery_failed", "spool_full", "refused", "new_stream"))
        return {"events": (Event(_id(self.chance), self.at, f"agent.{name}", "warning", self.chance.randint(1, 9)),)}

    def _line(self) -> dict[str, object]:
        fields = {"seconds": str(self.chance.randint(1, 90))}
        line = Line(_id(self.chance), self.at, "eucora-agent", "sent in {seconds} s", "info", fields)
        return {"logs": (line,)}


def _id(chance: Random) -> uuid.UUID:
    return uuid.UUID(int=chance.getrandbits(128), version=4)


def _digest(chance: Random) -> str:
    return f"sha-256=:{base64.b64encode(chance.randbytes(32)).decode()}:"


if __name__ == "__main__":
    main()
