"""`eucora enrolment-tokens`: those that devices enrol with."""

from typing import Annotated

import typer

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_array, print_json, print_table, say


def listed(as_json: AsJson = False) -> None:
    """Enrolment tokens, without their secrets.

    Example: eucora enrolment-tokens
    """
    with platform() as api:
        found = api.pages("/enrolment-tokens")
        if as_json:
            print_array(found)
            return
        print_table(
            ("TOKEN", "LABEL", "SITE", "LEFT", "EXPIRES", "REVOKED"),
            (
                (t["token_id"], t["label"], t["site"], t["uses_left"], moment(t["expires_at"]), moment(t["revoked_at"]))
                for t in found
            ),
            empty="No token.",
        )


def create(
    uses: Annotated[int, typer.Option(help="How many devices it enrols.")] = 1,
    hours: Annotated[float, typer.Option(help="How long it lives.")] = 24,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    site: Annotated[
        str | None, typer.Option(help="Where the devices belong; they are found and compared by it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token that enrols devices. It is shown once.

    Example: eucora enrolment-tokens create --uses 20 --hours 8 --label "sales laptops" --site Lyon
    """
    with platform() as api:
        made = api.post(
            "/enrolment-tokens", {"uses": uses, "hours": hours, "label": label} | ({"site": site} if site else {})
        )
    if as_json:
        print_json(made)
    else:
        say(f"{made['token']}\nShown this once; it ends {moment(made['expires_at'])}.")


def revoke(token: Annotated[str, typer.Argument(help="The token's id, as the list shows it.")]) -> None:
    """End an enrolment token, at once; devices that it enrolled stay.

    Example: eucora enrolment-tokens revoke 0199a1b2-…
    """
    with platform() as api:
        api.delete(f"/enrolment-tokens/{token}")
    say(f"{token} is revoked.")
