"""`eucora software`."""

from eucora.cli.platform import platform
from eucora.cli.show import AsJson, print_array, print_table
from eucora.cli.which import Device, which


def software(device: Device, as_json: AsJson = False) -> None:
    """What is installed on a device now.

    Example: eucora software self --json
    """
    with platform() as api:
        found = api.pages(f"/devices/{which(api, device)}/software")
        if as_json:
            print_array(found)
            return
        print_table(
            ("PACKAGE", "VERSION", "ARCHITECTURE", "SOURCE"),
            ((p["name"], p["version"], p["architecture"], p["source"]) for p in found),
            empty="No inventory yet: the agent sends one with its first batches.",
        )
