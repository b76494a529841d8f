"""`eucora clones`."""

from enum import StrEnum
from typing import Annotated

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_json, print_table, say


class Was(StrEnum):
    """What it was."""

    rewind = "rewind"
    clone = "clone"


def listed(as_json: AsJson = False) -> None:
    """Streams that are held, since two machines may present one identity: a cloned disk, or a snapshot that was restored.

    Example: eucora clones
    """
    with platform() as api:
        found = api.get("/clones")
    if as_json:
        print_json(found)
        return
    print_table(
        ("STREAM", "DEVICE", "SEEN", "BATCH", "IN BOOT", "KNOWN UP TO"),
        (
            (
                c["stream"],
                c["device"],
                moment(c["seen_at"]),
                c["sequence"],
                c["boot"].partition(";")[0],
                c["last_sequence"],
            )
            for c in found
        ),
        empty="None.",
    )
    if found:
        say("One machine, set back: eucora clones close STREAM rewind. Two machines: eucora clones close STREAM clone.")


def close(
    stream: Annotated[str, typer.Argument(help="The stream, as the list shows it.")],
    was: Annotated[Was, typer.Argument(help="rewind: one machine, set back. clone: two machines; both enrol anew.")],
    purpose: Annotated[str, typer.Option(help="Why; it stands in the audit trail.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say what it was, so that the machine is heard again. Nothing was stored meanwhile; spools kept it.

    Examples: eucora clones close 0199a1b2-… rewind · eucora clones close 0199a1b2-… clone --purpose "imaged laptop"
    """
    with platform() as api:
        done = api.post(f"/clones/{stream}/close", {"was": was.value, "purpose": purpose})
    if as_json:
        print_json(done)
    elif done["was"] == "rewind":
        say(f"{done['device']} is heard again: what it kept arrives in a stream of its own.")
    else:
        say(f"{done['device']} is revoked. Each machine enrols anew, with a token of its own; its spool comes along.")
