"""`eucora operators`."""

from typing import Annotated

import typer

from eucora.cli.platform import Turned, platform
from eucora.cli.show import AsJson, moment, print_array, print_json, print_table, say

Name = Annotated[str, typer.Argument(help="The operator's name.")]


def listed(as_json: AsJson = False) -> None:
    """Who may hold tokens.

    Example: eucora operators
    """
    with platform() as api:
        found = api.pages("/operators")
        if as_json:
            print_array(found)
            return
        print_table(
            ("OPERATOR", "NAME", "SINCE", "DISABLED"),
            ((o["operator_id"], o["name"], moment(o["created_at"]), moment(o["disabled_at"])) for o in found),
            empty="No operator.",
        )


def create(name: Name, as_json: AsJson = False) -> None:
    """Name an operator; then make them a token.

    Example: eucora operators create anna && eucora tokens create --operator anna
    """
    with platform() as api:
        made = api.post("/operators", {"name": name})
    if as_json:
        print_json(made)
    else:
        say(f"{name} is there; eucora tokens create --operator {name} makes a token.")


def disable(name: Name) -> None:
    """End all tokens of an operator, at once; what they did stays in the trail.

    Example: eucora operators disable anna
    """
    with platform() as api:
        found = [o["operator_id"] for o in api.pages("/operators") if o["name"] == name]
        if not found:
            raise Turned(f"no operator is called {name}: eucora operators lists them")
        api.delete(f"/operators/{found[0]}")
    say(f"{name} is disabled.")
