"""Everything fails, by a seeded schedule, for as long as asked: `make soak SECONDS=60` (SEED=… repeats one).

Simulated devices send numbered samples, and real agents what they see, through a network of ours; each acknowledgement is an
obligation. Servers and roles are killed and put to sleep; the network is slow, torn, half-open and cut, and for root loses
packets and narrows; agents are killed, put to sleep, their clocks set, their spools damaged, their disk filled; a Prometheus
that follows, where the machine has one, is killed too. Each fault comes once before one comes again. At the end every
obligation must be met exactly once, in that Prometheus as well, nothing else may be there, every number must be accounted
for, and a fresh sample must flow. Prints one line; ends with 1 when it is not `0 lost, 0 twice`.
"""

import argparse
import asyncio
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from tests.device import enrol
from tests.faults import agents
from tests.faults.agents import Agent, Batch
from tests.faults.disk import small_disk
from tests.faults.following import KILLED, Following, may_follow
from tests.faults.killing import FAULTS, environment_of, pid_of, stopped
from tests.faults.ledger import Account, Fleet, both_sides, owed, points
from tests.faults.link import Link, may_link
from tests.faults.network import OF_A_LINK, OF_A_PROXY, Network, Weather
from tests.platform import Up, platform_in

DEVICES = 4
CADENCE_S = 0.5
LEASE_S = 2
SLEEPS = {"the gateway sleeps": "gateway", "the pipeline sleeps past its lease": "pipeline", "the api sleeps": "api"}


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
        link = opened.enter_context(Link()) if may_link() else None
        tell(
            "a network of the kernel's"
            if link
            else "a proxy alone: a network of the kernel's wants root, ip, nft and tc"
        )
        beside = opened.enter_context(Following()) if may_follow() else None
        settings = {"EUCORA_LEASE_S": str(LEASE_S), "EUCORA_DEVICE_RATE": "1000"} | (beside.settings if beside else {})
        up = opened.enter_context(platform_in(folder, **settings))
        up.start("--no-agent")
        port = int(up.environ["EUCORA_DEVICE_PORT"])
        network = opened.enter_context(Network(port, random.Random(seed + 1), link))
        accounts = [Account(device, random.Random(seed + 2 + n)) for n, device in enumerate(enrol(up, folder, DEVICES))]
        for account in accounts:
            account.device.url = f"https://localhost:{network.port}"
        real = [agents.installed(up, folder / "agent", cadence_s=CADENCE_S, port=network.port)]
        if link:  # who may have one may mount
            disk = opened.enter_context(small_disk(folder / "disk", agents.DISK_MIB))
            real.append(
                agents.installed(up, disk / "agent", cadence_s=CADENCE_S, port=network.port, beside=folder / "small")
            )
        for agent in real:
            agent.start()
            opened.callback(agent.end, signal.SIGKILL)
        possible = [*FAULTS, *SLEEPS, *OF_A_PROXY, *agents.HARM]
        possible += [*OF_A_LINK, agents.FULL] if link else []
        names = deck(possible + ([KILLED] if beside else []), rng)
        ends = time.monotonic() + seconds
        with Fleet(accounts) as fleet:
            while time.monotonic() < ends:
                time.sleep(rng.uniform(0.2, 1.0))
                name = next(names)
                tell(f"{sum(fleet.settled):>8} acknowledged; {name}")
                if beside and name == KILLED:
                    beside.killed(rng)
                else:
                    _fail(name, up, network, real, rng)
                done[name] += 1
        return _judged(up, accounts, real, beside, done, seed)


def deck(names: list[str], rng: random.Random) -> Iterator[str]:
    """Without end; each once before one comes again."""
    while True:
        yield from rng.sample(sorted(names), len(names))


def _fail(name: str, up: Up, network: Network, real: list[Agent], rng: random.Random) -> None:
    if name in FAULTS:
        FAULTS[name](up)
    elif name in SLEEPS:
        with stopped(pid_of(up, SLEEPS[name])):
            time.sleep(rng.uniform(0.2, LEASE_S * 1.5))
    elif name in agents.HARM:
        agents.HARM[name](rng.choice(real), rng)
    elif name == agents.FULL:
        agents.disk_filled(real[-1], rng)
    else:
        weather: Weather = name  # type: ignore[assignment]
        network.weather(weather)
        time.sleep(rng.uniform(0.3, 2.5))
        network.weather("fair")


def _judged(
    up: Up, accounts: list[Account], real: list[Agent], beside: Following | None, done: Counter[str], seed: int
) -> Outcome:
    """When all is up again and a fresh sample of each flows: what is shown against what was promised."""
    up.eventually(lambda: up.run("status", check=False).returncode == 0, 120)
    with Fleet(accounts) as fresh:
        before = fresh.settled
        up.eventually(lambda: all(now > then for now, then in zip(fresh.settled, before, strict=True)), 120)
    lost = twice = acknowledged = unexplained = 0
    with suppress(AssertionError):  # what is owed still is counted below
        up.eventually(lambda: not owed(up, accounts), 120)
    for account in accounts:
        shown, promised = both_sides(up, account)
        acknowledged += len(promised)
        seen, wanted = Counter(shown), Counter(promised)
        lost += sum((wanted - seen).values())
        twice += sum(count - 1 for count in seen.values() if count > 1) + len(set(seen) - set(wanted))
        unexplained += up.json("completeness", str(account.id))["unexplained"]
        if beside:
            missing, more = beside.judged(up, account)
            lost, twice = lost + missing, twice + more
    for agent in real:
        counted = _of_agent(up, agent)
        acknowledged, lost, twice, unexplained = (
            before + more for before, more in zip((acknowledged, lost, twice, unexplained), counted, strict=True)
        )
    return Outcome(acknowledged, lost, twice, unexplained, done, seed)


def _of_agent(up: Up, agent: Agent) -> tuple[int, int, int, int]:
    """(acknowledged, lost, twice, unexplained) items of a real agent, once it has nothing left to send.

    Each batch that its tail witnesses must be in the journal as it was signed, and each item that the ledger says is
    delivered must be shown once. A damaged spool may begin a new stream, and not know what it left behind.
    """
    known = agent.status().get("last_ack")
    up.eventually(lambda: agent.status().get("last_ack") not in (None, known), 120)
    agent.end(signal.SIGTERM)
    agent.environ["EUCORA_AGENT_CADENCE_S"] = "3600"
    agent.start()
    up.eventually(lambda: agent.status().get("queue_depth") == 0, 120)
    agent.end(signal.SIGTERM)
    promised = agents.witness(agent, agent.folder.parent / "witness")
    stored = asyncio.run(_journal(up, agent))
    lost = len(promised - set(stored)) + (not promised)
    told = up.json("completeness", str(agent.id))
    up.eventually(lambda: len(points(up, agent.id, "agent.queue_depth")) >= told["delivered"], 120)
    times = [when for when, _ in points(up, agent.id, "agent.queue_depth")]
    twice = sum(count - 1 for count in Counter(stored).values()) + max(0, len(times) - told["delivered"])
    why = Counter(hole["why"] for stream in told["streams"] for hole in stream["holes"])
    unexplained = told["unexplained"] if not agent.damaged or why["awaited"] else 0
    return int(told["delivered"]), lost, twice, unexplained + told["held"]


async def _journal(up: Up, agent: Agent) -> list[Batch]:
    connection = await asyncpg.connect(environment_of(up, "pipeline")["EUCORA_POSTGRES_URL"])
    try:
        rows = await connection.fetch(
            "SELECT stream, sequence, signature FROM journal_entries WHERE device = $1", agent.id
        )
        return [(row["stream"], row["sequence"], bytes(row["signature"])) for row in rows]
    finally:
        await connection.close()


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
