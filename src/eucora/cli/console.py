"""`eucora console`: a link that signs a browser in."""

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_json, say


def console(as_json: AsJson = False) -> None:
    """Print a link to the console that signs a browser in as you, once, within ten minutes.

    Example: eucora console
    """
    with platform() as api:
        made = api.post("/console-links", {})
    if as_json:
        print_json(made)
    else:
        say(f"{made['url']}\nIt works once, until {moment(made['expires_at'])}.")
