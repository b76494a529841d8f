"""`eucora explain`: one batch and its whole way."""

from typing import Annotated

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_json, print_table, say


def explain(
    batch: Annotated[str, typer.Argument(help="STREAM:SEQUENCE, or SHARD/LANE/POSITION as a receipt has it.")],
    as_json: AsJson = False,
) -> None:
    """What became of one batch: sealed, sent, received, digested, kept, told; where, and when.

    Examples: eucora explain 3/live/1042 · eucora explain 0199a1b2-…:17
    """
    with platform() as api:
        found = api.get("/batches/explain", batch=batch)
    if as_json:
        print_json(found)
        return
    say(f"Batch {found['place']}, of device {found['device']}, stream {found['stream']}, number {found['sequence']}.")
    rows = ((s["name"], "yes" if s["done"] else "not yet", moment(s["at"]), s["said"]) for s in found["steps"])
    print_table(("STEP", "DONE", "AT", "WHAT"), rows, empty="")
