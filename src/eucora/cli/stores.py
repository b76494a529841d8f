"""`eucora stores`."""

from typing import Annotated, Any

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, ago, duration, moment, print_json, print_table, say
from eucora.problems import EucoraError

NONE = "No server follows the archive: EUCORA_METRICS_URL, EUCORA_LOGS_URL or EUCORA_TRACES_URL names one."

TITLES = ("FOLLOWER", "WAITING", "BEHIND", "A SECOND", "TOLD", "RETRIES", "TO FORGET", "STATE")


def names(incomplete: str) -> list[str]:
    """For the shell: the followers that there are."""
    try:
        with platform() as api:
            return [f["follower"] for f in api.get("/stores") if f["follower"].startswith(incomplete)]
    except EucoraError:
        return []


Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A follower, as eucora stores names it.", autocompletion=names)
]
Purpose = Annotated[str, typer.Option(help="Why; it stands in the audit trail.")]


def listed(as_json: AsJson = False) -> None:
    """How far each server that follows the archive was told, how fast, and what it refused for ever.

    Examples: eucora stores · eucora stores --json
    """
    with platform() as api:
        found = api.get("/stores")
    if as_json:
        print_json(found)
        return
    print_table(TITLES, map(_line, found), empty=NONE)
    refused = [(f["follower"], r) for f in found for r in f["refused"]]
    if refused:
        print_table(
            ("REFUSED BY", "REASON", "COUNT", "FROM", "TO"),
            ((name, r["reason"], f"{r['count']:,}", moment(r["first"]), moment(r["last"])) for name, r in refused),
            empty="",
        )


def pause(name: Name, purpose: Purpose = "", as_json: AsJson = False) -> None:
    """Tell a server nothing until it is resumed; nothing is lost, it is told everything then.

    Example: eucora stores pause loki --purpose "moves to another disk"
    """
    _steer(name, "pause", {"purpose": purpose}, as_json, "is paused: what comes waits for it in the archive.")


def resume(name: Name, purpose: Purpose = "", as_json: AsJson = False) -> None:
    """Go on telling a server, from where it was.

    Example: eucora stores resume loki
    """
    _steer(name, "resume", {"purpose": purpose}, as_json, "is told again, from where it was.")


def again(
    name: Name,
    since: Annotated[str, typer.Option(help="From when on it was received: 7d, 12h, or a time.")],
    purpose: Purpose = "",
    as_json: AsJson = False,
) -> None:
    """Tell a server once more what was received since a time, beside what is new: after it lost its disk, say.

    What it has already, it takes as the same.

    Example: eucora stores again prometheus --since 7d
    """
    _steer(name, "again", {"since": since, "purpose": purpose}, as_json, "is told {again:,} batches once more.")


def _steer(name: str, verb: str, body: dict[str, str], as_json: bool, said: str) -> None:
    with platform() as api:
        found = api.post(f"/stores/{name}/{verb}", body)
    if as_json:
        print_json(found)
    else:
        say(f"{name} {said.format(**found)}")


def _line(f: dict[str, Any]) -> tuple[Any, ...]:
    counts = (f"{f['rate_per_s']:,.1f}", f"{f['told']:,}", f["retries"], f["forgetting"])
    return (f["follower"], f"{f['waiting']:,}", duration(f["behind_s"]), *counts, _state(f))


def _state(f: dict[str, Any]) -> str:
    """What it does now, and what will happen by itself."""
    told = f"{ago(f['last_error_at'])}: {f['last_error']}" if f["last_error"] else ""
    if not f["named"]:
        return "left alone: no setting names it any more; it keeps its place"
    if f["paused_at"]:
        return f"paused {ago(f['paused_at'])}; eucora stores resume {f['follower']} goes on"
    if f["retry_at"]:
        return f"waits, {told}; tried again by itself"
    if f["again"]:
        return f"told; {f['again']:,} batches once more"
    if not f["running"]:
        return f"not running{'; ' + told if told else ''}"
    return f"told; mended since {told}" if told else "told"
