"""`eucora redigest`: a range of the archive made anew from what devices sent, after a fix."""

import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_array, print_json, print_table, say

LOOK_S = 1.0


def redigest(
    since: Annotated[str, typer.Option(help="What was digested since then: 7d, 12h, or a time.")],
    purpose: Annotated[str, typer.Option(help="Why; it stands in the audit trail.")],
    until: Annotated[str | None, typer.Option(help="As --since; else until now.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Watch until it is done.")] = True,
    as_json: AsJson = False,
) -> None:
    """Digest again what lies in the archive: after a fix of a unit, say. What devices signed is read anew.

    Answers change some windows at a time, each at once; the window that is still open is done when it is sealed. What
    can't be opened any more stays as it is. It goes on without you: Ctrl-C only stops watching.

    Example: eucora redigest --since 2d --purpose "temperatures were in Kelvin"
    """
    given = {"since": since, "until": until, "purpose": purpose}
    with platform() as api:
        asked = api.post("/redigests", {name: value for name, value in given.items() if value is not None})
        found = asked["redigest"]
        if wait and not as_json:
            found = _watched(api, found)
    if as_json:
        print_json(asked)
        return
    say(_said(found))
    for name in asked["followers"]:
        say(f"{name} was told the older values: eucora stores again {name} --since {since} tells it these.")


def redigests(as_json: AsJson = False) -> None:
    """What was asked to be digested again, and how far it is.

    Example: eucora redigests
    """
    with platform() as api:
        found = api.pages("/redigests")
        if as_json:
            print_array(found)
            return
        titles = ("NUMBER", "ASKED", "SINCE", "UNTIL", "WINDOWS LEFT", "ENTRIES", "CARRIED", "DONE")
        print_table(titles, map(_line, found), empty="None.")


def _watched(api: Any, found: dict[str, Any]) -> dict[str, Any]:
    bar = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*bar, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("windows", total=found["last"] - found["first"] + 1)
        try:
            while found["done_at"] is None:
                time.sleep(LOOK_S)
                found = api.get(f"/redigests/{found['redigest']}")
                shown.update(task, completed=found["next"] - found["first"])
        except KeyboardInterrupt:
            return found
    return found


def _said(found: dict[str, Any]) -> str:
    if found["done_at"] is None:
        return f"Redigest {found['redigest']} goes on by itself; eucora redigests shows how far it is."
    done = f"{found['entries']:,} entries digested again, {found['items']:,} items"
    letters = f"{found['mended']:,} dead letters mended, {found['dead']:,} new"
    return f"Redigest {found['redigest']} is done: {done}; {found['carried']:,} entries left as they were; {letters}."


def _line(found: dict[str, Any]) -> tuple[Any, ...]:
    left = 0 if found["done_at"] else found["last"] - found["next"] + 1
    times = (moment(found[name]) for name in ("asked_at", "since", "until"))
    return (found["redigest"], *times, left, f"{found['entries']:,}", f"{found['carried']:,}", moment(found["done_at"]))
