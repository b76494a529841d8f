"""`eucora doctor`: what is wrong and how to mend it; also when the platform is down."""

from typing import Any

import msgspec
import typer

from eucora import clock, settings
from eucora.cli.platform import NotRunning, platform
from eucora.cli.show import AsJson, print_json, print_table, say
from eucora.operators.doctor import Told, machine
from eucora.stores.ports import Finding


def doctor(as_json: AsJson = False) -> None:
    """Look at this machine, the stores and the servers that follow: what is wrong, and how to mend it.

    Ends with 1 when something is wrong. Works when the platform is down, for what can be seen then.

    Examples: eucora doctor · eucora doctor --json
    """
    try:
        with platform() as api:
            found = api.get("/doctor")
    except NotRunning as exc:
        found = msgspec.to_builtins(_alone(str(exc)))
    wrong = [(told["part"], each) for told in found for each in told["findings"] if each["state"] == "wrong"]
    if as_json:
        print_json(found)
    else:
        _show(found, wrong)
    if wrong:
        raise typer.Exit(1)


def _alone(why: str) -> list[Told]:
    mend = "start it: eucora up, or your service manager; agents keep their data meanwhile"
    away = Told("platform", (Finding("answers", "wrong", why, mend),))
    return [away, Told("machine", tuple(machine(settings.read(), clock.now())))]


def _show(found: list[dict[str, Any]], wrong: list[tuple[str, dict[str, Any]]]) -> None:
    rows = [(told["part"], each["name"], each["state"], each["found"]) for told in found for each in told["findings"]]
    print_table(("PART", "WHAT", "STATE", "FOUND"), rows, empty="")
    for part, each in wrong:
        say(f"{part}, {each['name'].replace('_', ' ')}: {each['mend']}.")
    say(f"{len(wrong)} of {len(rows)} want mending." if wrong else f"All {len(rows)} are well.")
