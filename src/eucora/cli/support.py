"""`eucora support`: a bundle for whoever helps."""

from pathlib import Path
from typing import Annotated

import typer

from eucora import clock
from eucora.cli.platform import platform
from eucora.cli.show import AsJson, human, print_json, say
from eucora.problems import EucoraError


def support(
    into: Annotated[Path | None, typer.Argument(help="Where to write it; else here.", metavar="[FILE]")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a bundle for whoever helps: versions, settings, status, doctor, our metrics, sizes, counts of log events.

    No name, no secret and nothing that devices said is in it; manifest.json says what is. Look at it before you send it.

    Example: eucora support ticket-4711.tar.gz
    """
    path = into or Path(f"eucora-support-{clock.now():%Y%m%d-%H%M}.tar.gz")
    if path.exists():
        raise EucoraError(f"{path} is there already: name another file")
    with platform() as api:
        bundle = b"".join(api.stream("/support"))
    path.write_bytes(bundle)
    size = path.stat().st_size
    if as_json:
        print_json({"file": str(path), "bytes": size})
    else:
        say(f"{path}, {human(size, 'bytes')}. Look at it before you send it: tar -xzOf {path} | less")
