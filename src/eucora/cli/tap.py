"""`eucora tap`."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import msgspec
import typer

from eucora.cli.platform import platform
from eucora.cli.show import SHOWN, AsJson, moment
from eucora.cli.which import which


class Stage(StrEnum):
    """Where records pass."""

    journal = "journal"
    archive = "archive"
    dead_letters = "dead-letters"


def tap(
    stage: Annotated[
        Stage | None, typer.Argument(metavar="[STAGE]", help="journal, archive or dead-letters; else all.")
    ] = None,
    device: Annotated[str, typer.Option(help="An id, the beginning of one, a whole host name, or self.")] = "self",
    seconds: Annotated[int, typer.Option(help="How long to listen.", min=1, max=900)] = 900,
    purpose: Annotated[str, typer.Option(help="Why; it stands in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """Records of a device as they pass, from now on, masked; until Ctrl-C. That you tapped stands in the audit trail.

    Examples: eucora tap --device self · eucora tap archive --device 0199a1b2 --purpose "ticket 4711" --json
    """
    try:
        with platform() as api:
            found = which(api, device)
            asked: dict[str, Any] = {"stage": stage.value if stage else None, "seconds": seconds, "purpose": purpose}
            for row in api.rows(f"/devices/{found}/tap", **asked):
                _show(row, as_json)
    except KeyboardInterrupt:
        return


def _show(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(row).decode() + "\n")
    elif row["kind"] != "still":
        said = " ".join(f"{name}={_plain(value)}" for name, value in row["said"].items() if value not in ("", {}, None))
        sys.stdout.write(f"{moment(row['at'])}  {row['stage']:<12}  {row['kind']:<11}  {row['place']:<14}  {said}\n")
    sys.stdout.flush()


def _plain(value: Any) -> str:
    """On one line, and no command to the terminal."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text.translate(SHOWN).replace("\n", " ")
