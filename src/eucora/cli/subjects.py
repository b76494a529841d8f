"""`eucora forget`."""

from typing import Annotated

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, print_json, say


def forget(
    subject: Annotated[str, typer.Argument(help="The subject id of a person, as eucora device shows it.")],
    purpose: Annotated[str, typer.Option(help="Why; it stands in the audit trail.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a person: their keys are destroyed, so that nothing sealed under them can be read again, by anybody.

    Chains and signatures still hold; the devices and everybody else's data stay as they are. It can't be undone.

    Example: eucora forget 0199a1b2-… --purpose "request 4711"
    """
    if not yes:
        typer.confirm(f"Erase {subject} for ever?", abort=True)
    with platform() as api:
        done = api.post(f"/subjects/{subject}/forget", {"purpose": purpose})
    if as_json:
        print_json(done)
    else:
        say(f"{subject} is erased: {done['keys']} keys destroyed.")
