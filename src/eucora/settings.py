"""All an operator may decide, read from EUCORA_* and checked whole at start, without a network. Every default is safe.

Secrets are paths to files or live in the data directory's `secrets/`; a URL may carry a password, and is never printed.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from eucora.problems import Misconfigured

PREFIX = "EUCORA_"
MIB = 2**20
OPERATOR = ("operator_file", "operator_url", "operator_token", "operator_ca_file")
"""No settings of a platform: how commands find the one that they speak to."""


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Each field is the variable EUCORA_<FIELD>; its comment is the reference page's line."""

    # Where everything lies: databases, secrets, certificates, logs.
    data_dir: Path
    # PostgreSQL for the application's role; empty: embedded.
    postgres_url: str = ""
    # PostgreSQL for the owner's role, which runs migrations; empty: embedded, or postgres_url.
    postgres_owner_url: str = ""
    # PostgreSQL for the role that alone sees wrapped keys; empty: embedded, or postgres_url.
    postgres_keys_url: str = ""
    # Redis or Valkey; empty: embedded.
    redis_url: str = ""
    # S3 endpoint, https://host:port; empty: embedded.
    s3_url: str = ""
    # File with the S3 access key on its first line and the secret key on its second.
    s3_credentials_file: Path | None = None
    # CA file that S3's certificate is verified with; empty: the system's.
    s3_ca_file: Path | None = None
    # Prometheus, or what takes its remote writes, as a follower of the archive; empty: none.
    metrics_url: str = ""
    # Whose series it is told: of each device, or of cohorts (system, model, site, version), for fleets beyond its memory.
    metrics_series: str = "device"
    # CA file that the metrics server's certificate is verified with; empty: the system's.
    metrics_ca_file: Path | None = None
    # Loki as a follower of the archive, for log lines, events, changes and crashes; empty: none.
    logs_url: str = ""
    # CA file that Loki's certificate is verified with; empty: the system's.
    logs_ca_file: Path | None = None
    # Tenant (X-Scope-OrgID) of a Loki of many; empty: none.
    logs_tenant: str = ""
    # What a follower gets of free text: masked, or home (nothing; it stays in the archive).
    logs_text: str = "masked"
    # Tempo, or what takes OTLP, as a follower of the archive: https://… or grpcs://…; empty: none.
    traces_url: str = ""
    # CA file that its certificate is verified with; empty: the system's.
    traces_ca_file: Path | None = None
    # Tempo's own API, from which its settings are read; empty: they are not read.
    traces_query_url: str = ""
    # Share of the batches that are traced through the platform, when a server takes traces.
    traces_ratio: float = 0.01
    # Address that the three listeners bind.
    listen: str = "127.0.0.1"
    # Device plane: telemetry, log-on, configuration; mTLS.
    device_port: int = 8443
    # Enrolment and renewal, without client certificates.
    enrolment_port: int = 8444
    # Operator plane: API and CLI.
    operator_port: int = 8445
    # Gateway processes that `eucora up` starts, sharing the device plane's ports; 0: one a core, at most 4.
    gateways: int = 0
    # Names and addresses that stand in the server certificate, separated by commas.
    public_names: str = "localhost,127.0.0.1"
    # Shards of the journal; fixed at first start.
    shards: int = 8
    # How long a spool may keep data, in days: one setting for agent, platform and shipped server files.
    spool_max_age_days: float = 28.0
    # Free disk, in MiB, below which the door answers 503; 0: the smaller of 5 % and 10 GiB, never under 256 MiB.
    disk_reserve_mib: int = 0
    # Largest body as it travels, in KiB.
    body_max_kib: int = 4096
    # Largest body inflated, in KiB.
    inflated_max_kib: int = 8192
    # Requests a second that one device may send, as a mean over a minute.
    device_rate: float = 20.0
    # How long journal entries stay in PostgreSQL at least, in days; older days are segments on the object store.
    journal_hot_days: float = 2.0
    # The customer's own periods of retention (TOML), by class; empty: retention.toml in the data directory, if it is there.
    retention_file: Path | None = None
    # Folder in which epoch, erasures and revocations are written down outside the database, so that no backup undoes them;
    # on a disk that outlives the database's. Empty: witness/ in the data directory.
    witness_dir: Path | None = None
    # Length of an archive window, in minutes.
    window_minutes: float = 60.0
    # Copies of archive files that queries keep on this machine, in MiB.
    copies_mib: int = 8192
    # Memory that one query may take, in MiB; beyond it is refused, or spills into the temporary folder where it can.
    query_memory_mib: int = 1024
    # Seconds that one query may work; then it is stopped, and the answer says what to ask for less of.
    query_timeout_s: float = 30.0
    # Queries over many devices that are answered at once; more wait ten seconds for their turn, then get 503.
    queries_at_once: int = 2
    # Lifetime of a device's certificate, in hours.
    certificate_hours: float = 72.0
    # Seconds after which a silent pipeline worker loses its lease.
    lease_s: float = 15.0
    # debug, info, warning or error.
    log_level: str = "info"
    # Durable commits; false only in benchmarks that price the promise.
    fsync: bool = True

    @property
    def witness_folder(self) -> Path:
        """Where it is written down what no restore may undo."""
        return self.witness_dir or self.data_dir / "witness"

    @property
    def trusted_file(self) -> Path:
        """The certificates that agents and operators trust."""
        return self.data_dir / "authority" / "trusted.pem"


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment. Raises Misconfigured with every fault in one message, each with its mend."""
    given = dict(os.environ if environ is None else environ)
    values = {k.removeprefix(PREFIX).lower(): v for k, v in given.items() if k.startswith(PREFIX) and v != ""}
    values.setdefault("data_dir", str(default_data_dir(given)))
    known = {f.name: f for f in msgspec.structs.fields(Settings)}
    faults = [
        f"{PREFIX}{name.upper()} is not a setting; the settings are listed in docs/reference/settings.md"
        for name in sorted(values.keys() - known.keys())
        if not name.startswith(("agent_", "test_", *OPERATOR))
    ]
    good: dict[str, object] = {}
    for name, text in values.items():
        if name not in known:
            continue
        try:
            good[name] = msgspec.convert(text, known[name].type, strict=False, dec_hook=_path)
        except msgspec.ValidationError as exc:
            faults.append(f"{PREFIX}{name.upper()}: {exc}")
    faults += [] if faults else _contradictions(Settings(**good))  # type: ignore[arg-type]
    if faults:
        raise Misconfigured("; ".join(faults))
    return Settings(**good)  # type: ignore[arg-type]


def default_data_dir(environ: Mapping[str, str]) -> Path:
    """$XDG_DATA_HOME/eucora, else ~/.local/share/eucora."""
    base = environ.get("XDG_DATA_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local/share")
    return Path(base) / "eucora"


def addresses(settings: Settings) -> dict[str, str]:
    """Where the three listeners are reached, as operators and agents are told: under the first public name."""
    host = settings.public_names.split(",")[0].strip()
    return {
        "url": f"https://{host}:{settings.operator_port}",
        "device_url": f"https://{host}:{settings.device_port}",
        "enrolment_url": f"https://{host}:{settings.enrolment_port}",
    }


def _path(wanted: type, value: object) -> object:
    if wanted is Path:
        return Path(str(value)).expanduser().absolute()
    raise TypeError(wanted)


def _contradictions(s: Settings) -> list[str]:
    """What each field allows but together can't be."""
    faults = []
    ports = (s.device_port, s.enrolment_port, s.operator_port)
    if len(set(ports)) != 3 or not all(0 < p < 65536 for p in ports):
        faults.append(
            "EUCORA_DEVICE_PORT, _ENROLMENT_PORT and _OPERATOR_PORT must be three different ports below 65536"
        )
    if not 1 <= s.shards <= 256:
        faults.append("EUCORA_SHARDS must lie between 1 and 256")
    if not 0 <= s.gateways <= 64:
        faults.append("EUCORA_GATEWAYS must lie between 0 and 64")
    if bool(s.s3_url) != (s.s3_credentials_file is not None):
        faults.append("EUCORA_S3_URL and EUCORA_S3_CREDENTIALS_FILE go together")
    if s.journal_hot_days < 1:
        faults.append("EUCORA_JOURNAL_HOT_DAYS must be at least 1")
    if s.logs_text not in ("masked", "home"):
        faults.append("EUCORA_LOGS_TEXT must be masked or home")
    if s.metrics_series not in ("device", "cohort"):
        faults.append("EUCORA_METRICS_SERIES must be device or cohort")
    if s.query_memory_mib < 128:
        faults.append("EUCORA_QUERY_MEMORY_MIB must be at least 128")
    if not 1 <= s.query_timeout_s <= 300:
        faults.append("EUCORA_QUERY_TIMEOUT_S must lie between 1 and 300: replaced files stay for ten minutes only")
    if not 1 <= s.queries_at_once <= 64:
        faults.append("EUCORA_QUERIES_AT_ONCE must lie between 1 and 64")
    if s.log_level not in ("debug", "info", "warning", "error"):
        faults.append("EUCORA_LOG_LEVEL must be debug, info, warning or error")
    if s.postgres_url and not s.postgres_keys_url:
        faults.append("EUCORA_POSTGRES_KEYS_URL (role eucora_keys) is needed beside EUCORA_POSTGRES_URL")
    if not 0 <= s.traces_ratio <= 1:
        faults.append("EUCORA_TRACES_RATIO must lie between 0 and 1")
    if s.inflated_max_kib < s.body_max_kib:
        faults.append("EUCORA_INFLATED_MAX_KIB must not be smaller than EUCORA_BODY_MAX_KIB")
    for name in ("spool_max_age_days", "window_minutes", "certificate_hours", "lease_s", "device_rate", "body_max_kib"):
        if getattr(s, name) <= 0:
            faults.append(f"EUCORA_{name.upper()} must be above 0")
    return faults


def reserve_of(setting_mib: int, total_bytes: int) -> int:
    """Bytes of disk to keep free: as set, else the smaller of 5 % and 10 GiB; never under 256 MiB."""
    wanted = setting_mib * MIB if setting_mib else min(total_bytes // 20, 10 * 1024 * MIB)
    return max(wanted, 256 * MIB)


def to_environment(s: Settings) -> dict[str, str]:
    """The inverse of `read`: what a child process needs to see the same settings."""
    return {
        PREFIX + name.upper(): _text(getattr(s, name))
        for name in s.__struct_fields__
        if getattr(s, name) not in ("", None)
    }


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
