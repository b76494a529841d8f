"""What happens, by machine and moment: when each is on, who is at it, and what goes wrong. Pure: seed and `now` say it all.

- **A bad driver.** Six days ago nwgfx 31.4 went to every Book 14; since then Meet crashes and the machines run hot. Two days
  ago 31.4.1 mended it on every second one.
- **A flaky VPN.** For four days, two hours a day, whoever works from home at Demo Lyon loses a tenth of what is sent.
- **Three weeks away.** One laptop was offline for three weeks, and tells all of it now.
- **A hot desk.** One machine has another person every two hours.
- And a disk that fills, a worn battery, a spool that was full and shed what was least important.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from eucora.demo.cast import DRIVER, SITES, Machine, dice

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
SPAN = 14 * DAY
AWAY = 21 * DAY
A_WORKING_DAY = 9 * HOUR
TICK = 5 * MINUTE

BAD, MENDED = "31.4", "31.4.1"
ROLLED_OUT, FIXED, VPN_BAD_FOR = 6, 2, 4
"""Days ago."""


class Stretch(Struct, frozen=True):
    """A machine is on, with one person at it, from home or not; `back` days ago."""

    since: datetime
    until: datetime
    person: str
    home: bool
    back: int


class Update(Struct, frozen=True):
    """A package gets another version; `job` when it was rolled out by one."""

    at: datetime
    name: str
    before: str
    after: str
    job: str = ""


def stretches(machine: Machine, seed: int, now: datetime) -> list[Stretch]:
    """When it was on, oldest first; the last goes on until now. A day ends at the hour of now, so that all are at work."""
    days = (AWAY if machine.part == "away" else SPAN) // DAY
    found: list[Stretch] = []
    for back in range(days, -1, -1):
        chance = dice(seed, machine.number, "day", back)
        if back and (back % 7 in (2, 3) or chance.random() < 0.06):
            continue
        until = now - back * DAY - (chance.uniform(0, 40) * MINUTE if back else 0 * MINUTE)
        since = now - back * DAY - A_WORKING_DAY + chance.uniform(0, 70) * MINUTE
        home = machine.from_home and chance.random() < 0.7
        found += _shared(machine, since, until, home, back)
    return found


def _shared(machine: Machine, since: datetime, until: datetime, home: bool, back: int) -> Iterator[Stretch]:
    if machine.part != "hot_desk":
        yield Stretch(since, until, machine.person, home, back)
        return
    turn, at = 0, since
    while at < until:
        ends = min(at + 2 * HOUR, until)
        yield Stretch(
            at, ends - (5 * MINUTE if ends < until else 0 * MINUTE), f"demo.guest{back % 4}{turn}", False, back
        )
        turn, at = turn + 1, ends


def ticks(stretch: Stretch) -> list[datetime]:
    """When it measured; the last time at its end."""
    count = int((stretch.until - stretch.since) / TICK)
    return [stretch.until - n * TICK for n in range(count, -1, -1)]


def updates(machine: Machine, seed: int, now: datetime) -> list[Update]:
    """What was installed during the story, in order: when it is next on after its turn has come."""
    chance = dice(seed, machine.number, "updates")
    planned = [
        Update(now - 9 * DAY, "openssl", "3.0.15", "3.0.16"),
        Update(now - 4 * DAY, "Browser", "141.0.2", "142.0.1"),
    ]
    if machine.model.driver:
        planned.append(Update(now - ROLLED_OUT * DAY, DRIVER, "31.2", BAD, "nwgfx-31.4"))
        if mended(machine):
            planned.append(Update(now - FIXED * DAY, DRIVER, BAD, MENDED, "nwgfx-31.4.1"))
    on = stretches(machine, seed, now)
    found = []
    for each in planned:
        wave = each.at - A_WORKING_DAY + chance.uniform(1, 6) * HOUR
        at = next((max(s.since + 10 * MINUTE, wave) for s in on if s.until - 10 * MINUTE > wave), None)
        if at is not None:
            found.append(Update(at, each.name, each.before, each.after, each.job))
    return sorted(found, key=lambda update: update.at)


def mended(machine: Machine) -> bool:
    """Whether the mended driver reached it."""
    return machine.number % 2 == 0


def version_at(name: str, first: str, made: Sequence[Update], at: datetime) -> str:
    """Of a package, at a moment."""
    return next((u.after for u in reversed(made) if u.name == name and u.at <= at), first)


class Trouble(Struct, frozen=True):
    """What is wrong with a machine at a moment."""

    driver: bool
    vpn: bool


def trouble(machine: Machine, stretch: Stretch, made: Sequence[Update], at: datetime) -> Trouble:
    """Its share of the story."""
    driver = machine.model.driver and version_at(DRIVER, "31.2", made, at) == BAD
    hours_in = (at - stretch.since) / HOUR
    vpn = machine.site == SITES[0] and stretch.home and stretch.back <= VPN_BAD_FOR and 2 <= hours_in < 4
    return Trouble(driver, vpn)
