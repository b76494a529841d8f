"""Everything fails, by a seeded schedule, for as long as asked: `make soak SECONDS=60` (SEED=… repeats one).

Devices send numbered samples through a network of ours; each acknowledgement is an obligation. Servers and roles are killed
and put to sleep, the network is slow, torn, half-open and cut. At the end every obligation must be met exactly once, nothing
else may be there, every number must be accounted for, and a fresh sample must flow. Prints one line; ends with 1 when it is
not `0 lost, 0 twice`.
"""

import argparse
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tests.device import enrol
from tests.faults.killing import FAULTS, pid_of, stopped
from tests.faults.ledger import Account, Fleet, both_sides, owed
from tests.faults.network import Network, Weather
from tests.platform import Up, platform_in

DEVICES = 4
LEASE_S = 2
SLEEPS = {"the gateway sleeps": "gateway", "the pipeline sleeps past its lease": "pipeline", "the api sleeps": "api"}
WEATHERS = tuple(weather for weather in get_args(Weather) if weather != "fair")


@dataclass(frozen=True)
class Outcome:
    """What was promised, and how it was kept. `faults`: how often each was done."""

    acknowledged: int
    lost: int
    twice: int
    unexplained: int
    faults: Counter[str]
    seed: int

    @property
    def kept(self) -> bool:
        return self.acknowledged > 0 and not (self.lost or self.twice or self.unexplained)

    def __str__(self) -> str:
        return f"{self.acknowledged} acknowledged, {self.lost} lost, {self.twice} twice (seed {self.seed})"


def soak(folder: Path, seconds: float, seed: int, tell: Callable[[str], None]) -> Outcome:
    """One run on a platform of its own."""
    rng = random.Random(seed)
    done: Counter[str] = Counter()
    with ExitStack() as opened:
        up = opened.enter_context(platform_in(folder, EUCORA_LEASE_S=str(LEASE_S), EUCORA_DEVICE_RATE="1000"))
        up.start("--no-agent")
        network = opened.enter_context(Network(int(up.environ["EUCORA_DEVICE_PORT"]), random.Random(seed + 1)))
        accounts = [Account(device, random.Random(seed + 2 + n)) for n, device in enumerate(enrol(up, folder, DEVICES))]
        for account in accounts:
            account.device.url = f"https://localhost:{network.port}"
        ends = time.monotonic() + seconds
        with Fleet(accounts) as fleet:
            while time.monotonic() < ends:
                time.sleep(rng.uniform(0.2, 1.0))
                name = rng.choice([*sorted(FAULTS), *SLEEPS, *WEATHERS])
                tell(f"{sum(fleet.settled):>8} acknowledged; {name}")
                _fail(name, up, network, rng)
                done[name] += 1
        return _judged(up, accounts, done, seed)


def _fail(name: str, up: Up, network: Network, rng: random.Random) -> None:
    if name in FAULTS:
        FAULTS[name](up)
    elif name in SLEEPS:
        with stopped(pid_of(up, SLEEPS[name])):
            time.sleep(rng.uniform(0.2, LEASE_S * 1.5))
    else:
        weather: Weather = name  # type: ignore[assignment]
        network.weather(weather)
        time.sleep(rng.uniform(0.3, 2.5))
        network.weather("fair")


def _judged(up: Up, accounts: list[Account], done: Counter[str], seed: int) -> Outcome:
    """When all is up again and a fresh sample of each flows: what is shown against what was promised."""
    up.eventually(lambda: up.run("status", check=False).returncode == 0, 120)
    with Fleet(accounts) as fresh:
        before = fresh.settled
        up.eventually(lambda: all(now > then for now, then in zip(fresh.settled, before, strict=True)), 120)
    lost = twice = acknowledged = 0
    with suppress(AssertionError):  # what is owed still is counted below
        up.eventually(lambda: not owed(up, accounts), 120)
    for account in accounts:
        shown, promised = both_sides(up, account)
        acknowledged += len(promised)
        seen, wanted = Counter(shown), Counter(promised)
        lost += sum((wanted - seen).values())
        twice += sum(count - 1 for count in seen.values() if count > 1) + len(set(seen) - set(wanted))
    unexplained = sum(up.json("completeness", str(account.id))["unexplained"] for account in accounts)
    return Outcome(acknowledged, lost, twice, unexplained, done, seed)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="repeat a run; else a new one")
    given = parser.parse_args()
    seed = secrets.randbelow(2**31) if given.seed is None else given.seed
    with tempfile.TemporaryDirectory(prefix="eucora-soak-") as folder:
        found = soak(Path(folder), given.seconds, seed, lambda said: print(said, file=sys.stderr, flush=True))
    print(", ".join(f"{name} {count}×" for name, count in sorted(found.faults.items())), file=sys.stderr)
    if found.unexplained:
        print(f"{found.unexplained} items are not accounted for", file=sys.stderr)
    print(found)
    return 0 if found.kept else 1


if __name__ == "__main__":
    sys.exit(main())
