"""`eucora top`: the platform, live."""

import time
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from eucora.cli.platform import Platform, platform
from eucora.cli.show import AsJson, cell, duration, human, print_json

LEAST_S = 0.5
BAR = 24


def top(
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=LEAST_S)] = 2.0,
    once: Annotated[bool, typer.Option("--once", help="Look once.")] = False,
    as_json: AsJson = False,
) -> None:
    """Stages with their rates and lag, servers that follow, and what is the matter; renewed until Ctrl-C.

    Example: eucora top --every 1
    """
    with platform() as api:
        if as_json:
            print_json(_look(api))
            return
        with Live(picture(_look(api)), auto_refresh=False, screen=not once) as shown:
            try:
                while not once:
                    time.sleep(every)
                    shown.update(picture(_look(api)), refresh=True)
            except KeyboardInterrupt:
                return


def _look(api: Platform) -> dict[str, Any]:
    return {"status": api.get("/status"), "stores": api.get("/stores")}


def picture(found: dict[str, Any]) -> Group:
    """What is shown, of one look."""
    status, stores = found["status"], found["stores"]
    disk = status["disk"]
    head = Text(
        f"EUCORA {status['version']}   {status['reporting']:,} of {status['devices']:,} devices heard of   "
        f"{status['dead_letters']:,} dead letters   {human(disk['free_bytes'], 'bytes')} of disk free"
    )
    most = max((stage["entries_per_s"] for stage in status["stages"]), default=0.0)
    stages = _table("STAGE", "A SECOND", "", "WAITING", "BEHIND")
    for each in status["stages"]:
        bar = "█" * round(BAR * each["entries_per_s"] / most) if most else ""
        rate, behind = f"{each['entries_per_s']:,.1f}", duration(each["behind_s"])
        stages.add_row(*map(cell, (each["name"], rate, bar, f"{each['waiting']:,}", behind)))
    followers = _table("FOLLOWER", "A SECOND", "WAITING", "BEHIND", "STATE")
    for each in stores:
        state = (
            "left alone"
            if not each["named"]
            else "paused"
            if each["paused_at"]
            else "waits"
            if each["retry_at"]
            else "told"
            if each["running"]
            else "not running"
        )
        values = (
            each["follower"],
            f"{each['rate_per_s']:,.1f}",
            f"{each['waiting']:,}",
            duration(each["behind_s"]),
            state,
        )
        followers.add_row(*map(cell, values))
    troubles = [Text(f"! {each['what']}  {each['do']}", style="bold") for each in status["troubles"]]
    return Group(head, stages, *([followers] if stores else []), *(troubles or [Text("All is well.")]))


def _table(*titles: str) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        made.add_column(title, justify="right" if title in ("A SECOND", "WAITING", "BEHIND") else "left")
    return made
