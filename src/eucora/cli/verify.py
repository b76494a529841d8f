"""`eucora verify`: a running installation is held to its word, by simulated devices that know what they were promised."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from eucora import clock
from eucora.cli.demo import doors
from eucora.cli.platform import Platform, Turned, operator, platform
from eucora.cli.show import AsJson, print_facts, print_json, say
from eucora.demo.send import Sender, TurnedAway
from eucora.problems import EucoraError
from eucora_wire.envelope import Envelope
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

METRIC, A_BATCH, WINDOW = "hardware.memory_used", 5, 20
"""A sample is known by its number, which travels as memory used. So many batches are shuffled: as many gaps at most."""
OLD = timedelta(hours=1)
PATIENCE_S = 60.0
PURPOSE = "the devices of eucora verify are removed"


class Broken(EucoraError):
    """The installation did not keep its word: see the report."""


class Witness(Struct):
    """One device: how it sends, what it sealed, what was acknowledged, and what an answer should not have been."""

    sender: Sender
    sealed: list[tuple[Envelope, list[int]]]
    promised: set[int]
    wrong: list[str]


class Outcome(Struct, frozen=True, kw_only=True):
    """What was promised, and how it was kept. `others`: samples that nobody sent; `incomplete`: devices that lack some."""

    seed: int
    devices: int
    deliveries: int
    acknowledged: int
    lost: int
    twice: int
    others: int
    incomplete: int
    wrong: tuple[str, ...]
    still_there: int

    @property
    def kept(self) -> bool:
        return not (self.lost or self.twice or self.others or self.incomplete or self.wrong or self.still_there)


def verify(
    devices: Annotated[int, typer.Option(help="How many.", min=1, max=200)] = 5,
    batches: Annotated[int, typer.Option(help="Of each, five samples in one.", min=1, max=2000)] = 60,
    seed: Annotated[int | None, typer.Option(help="The same number is the same schedule.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write what was found here, with a signed statement a device.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="Another installation: the address of its operator plane, https://host:port.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hold a running installation to its word: what it acknowledged is there once, and nothing else is.

    Simulated devices send known samples out of order, late, several times over and forged; then every answer is compared
    with what is to be read, and the devices are erased. Nothing is killed, and no real device is touched: it is safe where
    people work. The statements in the report are signed by the installation, name its address, and are verified by
    eucora-verify. For another installation a token comes from EUCORA_OPERATOR_TOKEN, the file of its authority from
    EUCORA_OPERATOR_CA_FILE; the token may tokens.write, devices.read, devices.erase, telemetry.read, and audit.read for a
    report.

    Examples: eucora verify · eucora verify --against https://eucora.example:8445 --report proof.json
    """
    chosen = random.SystemRandom().randrange(2**31) if seed is None else seed
    installation = operator(against)
    with platform(to=installation) as api:
        began, witnesses = clock.now(), _enrolled(api, devices)
        try:
            deliveries = _deliver(witnesses, batches, random.Random(chosen))  # noqa: S311 - a schedule, no secret
            shown = {w.sender.device: _shown(api, w) for w in witnesses}
            states = [api.get(f"/devices/{w.sender.device}/completeness")["state"] for w in witnesses]
            statements = {str(w.sender.device): _statement(api, w) for w in witnesses} if report else {}
        finally:
            _erase(api, witnesses)
        found = Outcome(
            seed=chosen,
            devices=devices,
            deliveries=deliveries,
            acknowledged=sum(len(w.promised) for w in witnesses),
            lost=sum(len(w.promised - shown[w.sender.device].keys()) for w in witnesses),
            twice=sum(count - 1 for each in shown.values() for count in each.values()),
            others=sum(len(shown[w.sender.device].keys() - w.promised) for w in witnesses),
            incomplete=sum(state != "complete" for state in states),
            wrong=tuple(said for w in witnesses for said in w.wrong),
            still_there=sum(_is_there(api, w) for w in witnesses),
        )
    told = {
        "against": installation.url,
        "began": began.isoformat(),
        "ended": clock.now().isoformat(),
        **msgspec.to_builtins(found),
    }
    if report is not None:
        report.write_bytes(msgspec.json.format(msgspec.json.encode({**told, "statements": statements})))
    _tell(found, told, as_json)
    if not found.kept:
        raise Broken(Broken.__doc__)


def _enrolled(api: Platform, count: int) -> list[Witness]:
    wanted = {"uses": count, "hours": 1, "label": "eucora verify", "simulated": True}
    where, token = doors(api), api.post("/enrolment-tokens", wanted)
    try:
        return [Witness(Sender(where, token["token"]), [], set(), []) for _ in range(count)]
    finally:
        api.delete(f"/enrolment-tokens/{token['token_id']}")


def _deliver(witnesses: Sequence[Witness], batches: int, rng: random.Random) -> int:
    """Everything, in an order and as often as the schedule says. How many deliveries there were."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    done = 0
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown, ExitStack() as ended:
        task = shown.add_task("sent", total=batches * len(witnesses))
        for w in witnesses:
            ended.callback(w.sender.hang_up)
        for first in range(0, batches, WINDOW):
            for w in witnesses:
                _seal(w, min(WINDOW, batches - first), rng)
                some = [each for each in w.sealed for _ in range(rng.choice((1, 1, 2, 3)))]
                rng.shuffle(some)
                _forge(w, rng)
                receipts: dict[int, Any] = {}
                for envelope, numbers in some:
                    _one(w, envelope, numbers, receipts)
                    done += 1
                shown.advance(task, len(w.sealed))
                w.sealed.clear()
    return done


def _seal(w: Witness, count: int, rng: random.Random) -> None:
    """The next batches: some of now, some of an hour ago."""
    for _ in range(count):
        known = len(w.promised) + sum(len(numbers) for _, numbers in w.sealed)
        age = rng.choice((timedelta(0), timedelta(0), OLD))
        numbers = list(range(known + 1, known + A_BATCH + 1))
        payloads = [Payload(w.sender.device, _time(n, age), hardware=Hardware(memory_used=n)) for n in numbers]
        w.sealed.append((w.sender.seal(payloads, None, age), numbers))


def _time(number: int, age: timedelta) -> datetime:
    """Each has a millisecond of its own."""
    return clock.now().replace(microsecond=0) - age - timedelta(minutes=10) + timedelta(milliseconds=number)


def _one(w: Witness, envelope: Envelope, numbers: list[int], receipts: dict[int, Any]) -> None:
    """The first delivery is appended, each further one gets the same receipt."""
    answer = w.sender.deliver(envelope)
    known = receipts.setdefault(answer.sequence, answer.receipt)
    wanted = "appended" if not w.promised.issuperset(numbers) else "duplicate"
    if answer.outcome != wanted or answer.receipt != known or answer.accepted != len(numbers):
        w.wrong.append(f"batch {answer.sequence} of {w.sender.device} was answered {answer.outcome}, not {wanted}")
    w.promised.update(numbers)


def _forge(w: Witness, rng: random.Random) -> None:
    """A batch whose body is not the one that was signed is refused."""
    envelope, _ = rng.choice(w.sealed)
    at = rng.randrange(len(envelope.body))
    forged = envelope.body[:at] + bytes([envelope.body[at] ^ 1]) + envelope.body[at + 1 :]
    try:
        w.sender.deliver(Envelope(envelope.headers, forged))
    except TurnedAway:
        return
    w.wrong.append(f"a forged batch of {w.sender.device} was taken")


def _shown(api: Platform, w: Witness) -> Counter[int]:
    """Which samples are to be read, and how often each, once what was promised is there or patience ends."""
    ends = clock.monotonic() + PATIENCE_S
    while True:
        told = api.get(f"/devices/{w.sender.device}/series", path=METRIC, since="3h")
        found = Counter(int(value) for _, value in told["points"])
        if found.keys() >= w.promised or clock.monotonic() > ends:
            return found
        time.sleep(0.5)


def _statement(api: Platform, w: Witness) -> str:
    return b"".join(api.stream(f"/devices/{w.sender.device}/completeness/statement")).decode()


def _erase(api: Platform, witnesses: Sequence[Witness]) -> None:
    for w in witnesses:
        api.post("/erasures", {"device": str(w.sender.device), "purpose": PURPOSE})


def _is_there(api: Platform, w: Witness) -> bool:
    """Whether anything of it is still shown."""
    try:
        api.get(f"/devices/{w.sender.device}")
    except Turned as exc:
        return exc.slug != "unknown"
    return True


def _tell(found: Outcome, told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({**told, "kept": found.kept})
        return
    say(
        f"{told['against']}: {found.acknowledged} acknowledged, {found.lost} lost, {found.twice} twice (seed {found.seed})"
    )
    print_facts(
        (
            ("deliveries", f"{found.deliveries}, out of order, late, some of them several times"),
            ("samples that nobody sent", found.others or "none"),
            ("devices that lack something", found.incomplete or "none"),
            ("answers that were wrong", list(found.wrong) or "none"),
            ("devices still to be seen", found.still_there or "none"),
        )
    )
