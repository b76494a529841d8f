"""Free ports on loopback, chosen once and remembered, so that a restart finds every server where it was.

They come from below the range that Linux hands out to outgoing connections (32768 and up).
"""

import json
import random
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

LOWEST, HIGHEST = 15000, 22700
GRPC_OFFSET = 10000


def remembered_ports(file: Path, names: Iterable[str], usable: Callable[[str, int], bool]) -> dict[str, int]:
    """A port for each name: the remembered one while it is usable, else a fresh one, remembered from now on."""
    known = _read(file)
    chosen: dict[str, int] = {}
    for name in names:
        port = known.get(name, 0)
        while not port or port in chosen.values() or not usable(name, port):
            port = random.randint(LOWEST, HIGHEST)  # noqa: S311 - no secret
        chosen[name] = port
    file.write_text(json.dumps(known | chosen, indent=1))
    return chosen


def _read(file: Path) -> dict[str, int]:
    """What was remembered; a file that is torn is worth no more than none."""
    try:
        known = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {name: port for name, port in known.items() if isinstance(port, int) and LOWEST <= port <= HIGHEST}


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether nobody listens there. A port in TIME_WAIT counts as free: servers bind with SO_REUSEADDR."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
