"""`eucora tokens`: those that operators ask with."""

from typing import Annotated

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_array, print_json, print_table, say


def listed(as_json: AsJson = False) -> None:
    """Tokens of operators, without their secrets.

    Example: eucora tokens
    """
    with platform() as api:
        found = api.pages("/tokens")
        if as_json:
            print_array(found)
            return
        print_table(
            ("TOKEN", "OPERATOR", "LABEL", "MAY", "EXPIRES", "REVOKED"),
            (
                (
                    t["token_id"],
                    t["operator"],
                    t["label"],
                    t["scopes"],
                    moment(t["expires_at"]),
                    moment(t["revoked_at"]),
                )
                for t in found
            ),
            empty="No token.",
        )


def create(
    operator: Annotated[str, typer.Option(help="Whom it is for; else for you.")] = "",
    scope: Annotated[list[str] | None, typer.Option(help="What it may; again for more. Else: read.")] = None,
    hours: Annotated[float, typer.Option(help="How long it lives.")] = 24 * 30,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a token. It is shown once. Nobody can give what they do not hold.

    Example: eucora tokens create --operator grafana --scope devices.read --scope telemetry.read
    """
    body = {"operator": operator, "scopes": scope, "hours": hours, "label": label}
    with platform() as api:
        made = api.post("/tokens", body)
    if as_json:
        print_json(made)
    else:
        say(f"{made['token']}\nShown this once; it ends {moment(made['expires_at'])}.")


def revoke(token: Annotated[str, typer.Argument(help="The token's id, as the list shows it.")]) -> None:
    """End a token, at once.

    Example: eucora tokens revoke 0199a1b2-…
    """
    with platform() as api:
        api.delete(f"/tokens/{token}")
    say(f"{token} is revoked.")
