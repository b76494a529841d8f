"""`eucora retention`."""

from typing import Any

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, moment, print_json, print_table, say


def show(as_json: AsJson = False) -> None:
    """How long each class of data is kept: what is set, and what is really in force in each store.

    Examples: eucora retention show · eucora retention show --json
    """
    with platform() as api:
        found = api.get("/retention")
    if as_json:
        print_json(found)
        return
    print_table(("CLASS", "STORE", "SET", "REALLY", "OLDEST", "GONE BY"), map(_line, found), empty="")
    for wrong in (each for each in found if not each["well"]):
        say(f"{wrong['name']} in {wrong['store']}: {wrong['mend']}")


def _line(k: dict[str, Any]) -> tuple[Any, ...]:
    period = "for ever (held)" if k["days"] is None else f"{k['days']} days"
    told = k["in_force"] if k["well"] else f"{k['in_force']} (wrong)"
    return (k["name"], k["store"], period, told, moment(k["oldest"]), moment(k["goes_at"]))
