"""`eucora erase`, `eucora erasures`."""

from typing import Annotated, Any

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_array, print_json, print_table, say
from eucora.cli.which import Device, which

Number = Annotated[int | None, typer.Argument(metavar="[NUMBER]", help="One erasure, by its number.", min=1)]


def erase(
    device: Device,
    purpose: Annotated[str, typer.Option(help="Why; it stands in the audit trail.")],
    since: Annotated[str | None, typer.Option(help="Only from then on: 7d, 12h, or a time.")] = None,
    until: Annotated[str | None, typer.Option(help="As --since; else until now.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a device from every store, and turn it away for good; or only what it told in an interval.

    At once no answer shows it; what is printed says when it is gone from each store. It can't be undone.

    Examples: eucora erase 0199a1b2-… --purpose "request 4711" · eucora erase self --since 2d --until 1d --purpose "test"
    """
    with platform() as api:
        found = which(api, device)
        if not yes:
            what = f"{found} since {since} until {until or 'now'}" if since or until else f"all of {found}"
            typer.confirm(f"Erase {what} for ever?", abort=True)
        given = {"device": found, "purpose": purpose, "since": since, "until": until}
        done = api.post("/erasures", {name: value for name, value in given.items() if value is not None})
    _one(done, as_json)


def erasures(number: Number = None, as_json: AsJson = False) -> None:
    """What was asked to be erased, and where it is gone already; or one erasure, store by store.

    Examples: eucora erasures · eucora erasures 12
    """
    with platform() as api:
        if number is not None:
            _one(api.get(f"/erasures/{number}"), as_json)
            return
        found = api.pages("/erasures")
        if as_json:
            print_array(found)
            return
        print_table(("NUMBER", "ASKED", "WHAT", "SINCE", "UNTIL", "WAITING FOR"), map(_line, found), empty="None.")


def _one(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    say(f"Erasure {found['number']} of {_whom(found)}, asked {moment(found['asked_at'])}.")
    places = found["stores"]
    print_table(
        ("STORE", "STATE", "AT", "WHY"), ((p["store"], _state(p), moment(p["at"]), p["why"]) for p in places), empty=""
    )


def _state(place: dict[str, Any]) -> str:
    return {"gone": "gone", "waiting": "gone by", "kept": "kept until"}[place["state"]]


def _whom(found: dict[str, Any]) -> str:
    return f"what {found['subject']} wrote" if found["subject"] else f"device {found['device']}"


def _line(found: dict[str, Any]) -> tuple[Any, ...]:
    waiting = ", ".join(p["store"] for p in found["stores"] if p["state"] == "waiting")
    until = "" if found["whole"] or found["subject"] else moment(found["until"])
    return (found["number"], moment(found["asked_at"]), _whom(found), moment(found["since"]), until, waiting)
