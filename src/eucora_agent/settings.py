"""What the agent is told by its environment, checked whole at start. What the platform decides is in `obey`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from eucora_agent.problems import BadSetting

PREFIX = "EUCORA_AGENT_"
LEAST_SPOOL_MIB = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is the variable EUCORA_AGENT_<FIELD>."""

    # Where key, certificate and spool lie; only the agent's user may enter.
    dir: Path
    # Seconds between two readings of the machine's metrics; 0: as the platform's configuration says.
    cadence_s: float = 0.0
    # Largest size of the spool on disk, in MiB, at least 8; beyond it the least important data goes first.
    spool_mib: int = 64
    # Hours that what was acknowledged is kept, within spool_mib, should the platform be restored to a time before; 0: none.
    tail_hours: float = 48.0
    # Largest size of that, in MiB.
    tail_mib: float = 19.0
    # Seconds after which an item is sealed also when the platform can't be reached.
    seal_after_s: float = 600.0
    # Upper bound of the range from which a wait after a failure is drawn, in seconds.
    backoff_cap_s: float = 120.0
    # Seconds that a request may take.
    timeout_s: float = 20.0
    # Kind of key made at enrolment: ed25519 or p256.
    key: str = "ed25519"


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Raises BadSetting naming every fault."""
    given = dict(os.environ if environ is None else environ)
    told = {f.name: given[PREFIX + f.name.upper()] for f in fields(Settings) if given.get(PREFIX + f.name.upper())}
    faults: list[str] = []
    values: dict[str, object] = {"dir": Path(told.pop("dir", "") or default_dir(given)).expanduser().absolute()}
    for name, text in told.items():
        try:
            values[name] = text if name == "key" else int(text) if name == "spool_mib" else float(text)
        except ValueError:
            faults.append(f"{PREFIX}{name.upper()} must be a number")
    faults += [] if faults else _out_of_range(values)
    if faults:
        raise BadSetting("; ".join(faults))
    return Settings(**values)  # type: ignore[arg-type]


def default_dir(environ: Mapping[str, str]) -> str:
    """/var/lib/eucora-agent for root, else $XDG_STATE_HOME/eucora-agent."""
    if os.geteuid() == 0:
        return "/var/lib/eucora-agent"
    base = environ.get("XDG_STATE_HOME") or os.path.join(os.path.expanduser("~"), ".local/state")
    return os.path.join(base, "eucora-agent")


def _out_of_range(values: Mapping[str, object]) -> list[str]:
    found = [
        f"{PREFIX}{name.upper()} must be above 0"
        for name in ("spool_mib", "seal_after_s", "backoff_cap_s", "timeout_s")
        if not _is_positive(values.get(name, 1))
    ]
    if not found and int(str(values.get("spool_mib", LEAST_SPOOL_MIB))) < LEAST_SPOOL_MIB:
        found.append(f"{PREFIX}SPOOL_MIB must be at least {LEAST_SPOOL_MIB}")
    if values.get("key", "ed25519") not in ("ed25519", "p256"):
        found.append(f"{PREFIX}KEY must be ed25519 or p256")
    for name in ("cadence_s", "tail_hours", "tail_mib"):
        if not _is_positive(values.get(name, 1)) and values.get(name) != 0:
            found.append(f"{PREFIX}{name.upper()} must not be negative")
    return found


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and 0 < value < float("inf")
