"""`eucora deadletters`: what could not be stored, and digesting it again."""

from itertools import islice
from typing import Annotated

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_array, print_json, print_table, say
from eucora.cli.which import which

SHOWN = 100

Of = Annotated[str, typer.Option("--device", help="Of one device.")]
Reason = Annotated[str, typer.Option(help="For one reason: schema, too-old, out-of-range …")]


def listed(device: Of = "", reason: Reason = "", state: str = "open", as_json: AsJson = False) -> None:
    """What could not be stored, with the reason and the field; newest first.

    Examples: eucora deadletters · eucora deadletters list --reason schema --json
    """
    with platform() as api:
        chosen = which(api, device) if device else None
        found = api.pages("/deadletters", device=chosen, reason=reason, state=state)
        if as_json:
            print_array(found)
            return
        shown = list(islice(found, SHOWN + 1))
    print_table(
        ("ID", "RECEIVED", "DEVICE", "REASON", "FIELD", "DETAIL"),
        ((d["id"], moment(d["received"]), d["device"], d["reason"], d["path"], d["detail"]) for d in shown[:SHOWN]),
        empty="Nothing: everything that came was stored.",
    )
    if len(shown) > SHOWN:
        say(f"… the newest {SHOWN}; --json prints all.")


def replay(
    ids: Annotated[list[str], typer.Argument(help="Ids of dead letters, as the list shows them.")],
    as_json: AsJson = False,
) -> None:
    """Digest dead letters again, at the place that they had: after a fix, say. Doing it twice changes nothing.

    Example: eucora deadletters replay 6f1d3a52-7c0b-5c0e-9f43-5a0f0b8f9c11
    """
    with platform() as api:
        done = api.post("/deadletters/replay", {"ids": ids})
    if as_json:
        print_json(done)
    else:
        say(f"{done['replayed']} stored, {done['failed']} failed again, {done['unknown']} not there.")
