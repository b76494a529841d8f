"""`eucora completeness`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, ago, moment, print_facts, print_json, print_table, say
from eucora.cli.which import which
from eucora.journal.holes import MEANS


def completeness(
    device: Annotated[
        str | None,
        typer.Argument(metavar="[DEVICE]", help="An id, its beginning, a host name, or self. None: the fleet."),
    ] = None,
    since: Annotated[str | None, typer.Option(help="What came to be known since then: 30d, or a time.")] = None,
    statement: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a signed statement there, which eucora_verify checks.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Did everything arrive? Of one device: complete, or exactly what is missing and why; of the fleet in numbers.

    Examples: eucora completeness · eucora completeness self --since 30d · eucora completeness self --statement self.jsonl
    """
    with platform() as api:
        if device is None:
            _fleet(api.get("/completeness"), as_json)
            return
        found = which(api, device)
        if statement is not None:
            with statement.open("wb") as file:
                for piece in api.stream(f"/devices/{found}/completeness/statement", since=since):
                    file.write(piece)
            say(f"Written to {statement}; python src/eucora_verify.py {statement} checks it without us.")
            return
        told = api.get(f"/devices/{found}/completeness", since=since)
    if as_json:
        print_json(told)
    else:
        _device(told)
    if told["state"] == "missing":
        raise typer.Exit(1)


def _fleet(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    print_facts(
        (
            ("devices", f"{found['devices']:,}"),
            ("not accounted for", f"{found['unexplained']:,} items of {found['devices_missing']:,} devices"),
            ("known since", ago(found["oldest"]) if found["oldest"] else None),
            ("held by a fork", found["held"] or None),
        )
    )


def _device(found: dict[str, Any]) -> None:
    say(f"{TOLD[found['state']]}: {found['delivered']:,} of {found['items']:,} items.")
    rows = [_hole(each["number"], hole) for each in found["streams"] for hole in each["holes"]]
    if rows:
        print_table(("STREAM", "ITEMS", "WHY", "SINCE", ""), rows, empty="")
    if found["held"]:
        say("A stream is held: two machines may hold this identity. eucora clones")


TOLD = {
    "complete": "Complete",
    "explained": "Not all of it came, and it is known why",
    "missing": "Something is missing",
}


def _hole(stream: int, hole: dict[str, Any]) -> tuple[Any, ...]:
    means = hole["detail"] or MEANS[hole["why"]]
    return (stream, f"{hole['first']:,} to {hole['last']:,}", hole["why"], moment(hole["since"]), means)
