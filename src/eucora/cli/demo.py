"""`eucora demo`."""

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from eucora import clock
from eucora.cli.platform import Platform, Turned, platform
from eucora.cli.show import AsJson, print_facts, print_json, say
from eucora.demo.cast import SITES, Machine, cast
from eucora.demo.says import Voice, speak, voice
from eucora.demo.send import Doors, Sender
from eucora.demo.story import Stretch, stretches

LIVE_S = 60.0
OWN = 1
"""The device that the platform's own machine is."""
PURPOSE = "the simulated fleet is removed"
SHED = 36
"""Items that the machine with the full spool shed, in the middle of its story."""


class Actor(Struct):
    """One of the cast, enrolled: what it says, how it sends, who was at it (account to subject id)."""

    machine: Machine
    voice: Voice
    sender: Sender
    today: Stretch
    subjects: dict[str, uuid.UUID]


def demo(
    devices: Annotated[int, typer.Option(help="How many.", min=1, max=2000)] = 200,
    seed: Annotated[int, typer.Option(help="Another number is another fleet; the same one the same.", min=0)] = 1,
    once: Annotated[bool, typer.Option("--once", help="End after the history, and let them fall silent.")] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also where real devices report.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Erase every simulated device and person.")] = False,
    as_json: AsJson = False,
) -> None:
    """Two weeks of a fleet that does not exist, with a story in it; then it goes on, live, until Ctrl-C.

    A bad driver, a flaky VPN, a laptop back from three weeks offline, a hot desk. All of it is marked as simulated
    wherever it is shown, and came through the doors that devices come through, under keys that are kept nowhere.

    Examples: eucora demo · eucora demo --devices 50 --once · eucora demo --remove
    """
    with platform() as api:
        if remove:
            _remove(api, as_json)
            return
        found = api.get("/simulated")
        if found["devices"]:
            raise Turned(f"there is a simulated fleet of {len(found['devices'])} already: eucora demo --remove first")
        if found["real"] > OWN and not anyway:
            raise Turned(
                f"{found['real']} real devices report here, and a demo would stand among them: --anyway does it"
            )
        began, now = clock.monotonic(), clock.now()
        actors, payloads = _history(api, cast(seed, devices), seed, now)
        _digested(api)
        _tell(actors, payloads, clock.monotonic() - began, as_json)
        if not once:
            _live(actors)


def _history(api: Platform, machines: Sequence[Machine], seed: int, now: datetime) -> tuple[list[Actor], int]:
    """Everybody's two weeks, one after the other; who was away for three comes back last."""
    with _bar("devices tell two weeks", len(machines)) as step, _tokens(api, machines) as token_of:
        where, actors, payloads = doors(api), [], 0
        for machine in sorted(machines, key=lambda each: each.part == "away"):
            sender = Sender(where, token_of[machine.site])
            days = stretches(machine, seed, now)
            actor = Actor(machine, voice(machine, sender.device, seed, now), sender, days[-1], {})
            for number, stretch in enumerate(days):
                said = speak(actor.voice, stretch, _subject(actor, stretch.person))
                shed = SHED if machine.part == "shedding" and number == len(days) // 2 else 0
                sender.send(said, actor.subjects[stretch.person], now - stretch.until, shed)
                payloads += len(said)
            sender.hang_up()
            actors.append(actor)
            step()
    return actors, payloads


def doors(api: Platform) -> Doors:
    """Where devices knock, as the platform says."""
    return msgspec.convert(api.get("/doors"), Doors)


@contextmanager
def _tokens(api: Platform, machines: Sequence[Machine]) -> Iterator[dict[str, str]]:
    """One token a site, for simulated devices alone; revoked at the end."""
    uses = {site: sum(machine.site == site for machine in machines) for site in SITES}
    made = {
        site: api.post(
            "/enrolment-tokens", {"uses": n, "hours": 6, "label": "eucora demo", "site": site, "simulated": True}
        )
        for site, n in uses.items()
        if n
    }
    try:
        yield {site: each["token"] for site, each in made.items()}
    finally:
        for each in made.values():
            api.delete(f"/enrolment-tokens/{each['token_id']}")


def _subject(actor: Actor, person: str) -> uuid.UUID:
    if person not in actor.subjects:
        actor.subjects[person] = actor.sender.log_on(person)
    return actor.subjects[person]


def _digested(api: Platform) -> None:
    """Until all of it can be asked for."""
    lag = _lag(api)
    with _bar("digested", lag) as step:
        while lag:
            time.sleep(0.3)
            now = _lag(api)
            step(max(0, lag - now))
            lag = now


def _lag(api: Platform) -> int:
    return int(api.get("/status")["lag_entries"])


def _tell(actors: Sequence[Actor], payloads: int, seconds: float, as_json: bool) -> None:
    parts = {actor.machine.part: str(actor.sender.device) for actor in actors if actor.machine.part}
    if as_json:
        print_json({"devices": len(actors), "payloads": payloads, "seconds": round(seconds, 1), "parts": parts})
        return
    say(f"{len(actors)} simulated devices told {payloads:,} payloads of two weeks in {seconds:.0f} s: eucora console.")
    print_facts(
        (
            (
                "A bad driver",
                "six days ago, on every Northwind Book 14: eucora devices 'model:\"northwind book 14\" package:nwgfx'",
            ),
            ("A flaky VPN", "for four days at Demo Lyon: eucora lines --grep tunnel --since 4d"),
            *((what, f"eucora device {parts[part][:8]}") for part, what in PARTS if part in parts),
            ("Remove it all", "eucora demo --remove"),
        )
    )


PARTS = (
    ("away", "Back from three weeks offline"),
    ("hot_desk", "A hot desk"),
    ("filling", "A disk that fills"),
    ("worn", "A worn battery"),
    ("shedding", "A spool that was full"),
)


def _live(actors: Sequence[Actor]) -> None:
    """Each minute everybody says how it is."""
    say("They go on, live; Ctrl-C ends them.")
    try:
        while True:
            ends = clock.monotonic() + LIVE_S
            for actor in actors:
                subject = actor.subjects[actor.today.person]
                actor.sender.send(speak(actor.voice, actor.today, subject, [clock.now()]), subject, timedelta())
                actor.sender.hang_up()
            time.sleep(max(0.0, ends - clock.monotonic()))
    except KeyboardInterrupt:
        say("They are silent from now on; what they told stays until eucora demo --remove.")


def _remove(api: Platform, as_json: bool) -> None:
    found = api.get("/simulated")
    with _bar("erased", len(found["subjects"]) + len(found["devices"])) as step:
        for subject in found["subjects"]:
            api.post(f"/subjects/{subject}/forget", {"purpose": PURPOSE})
            step()
        for device in found["devices"]:
            api.post("/erasures", {"device": device, "purpose": PURPOSE})
            step()
    counted = {"devices": len(found["devices"]), "persons": len(found["subjects"])}
    if as_json:
        print_json(counted)
    elif counted["devices"]:
        say(f"{counted['devices']} devices and {counted['persons']} persons are erased.")
        say("eucora erasures says from which store each is gone already, and from which when.")
    else:
        say("There is no simulated device.")


@contextmanager
def _bar(what: str, total: int) -> Iterator[Any]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=total)
        yield lambda by=1: shown.advance(task, by)
