"""What the platform decides: cadence, what is collected, under which policy. Fetched when an answer names a newer one."""

from pathlib import Path

import msgspec

from eucora_agent import durable
from eucora_agent.ask import read_as, signed
from eucora_agent.http2 import Connection
from eucora_agent.identity import Identity
from eucora_agent.moment import Moment
from eucora_wire.enrol import Config
from eucora_wire.envelope import PrivateKey

FILE = "config.json"


def load(folder: Path, who: Identity) -> Config:
    """The configuration last fetched, else what enrolment said."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Config)
    except (FileNotFoundError, msgspec.DecodeError):
        return Config(version=0, policy=who.policy)


def fetch(folder: Path, who: Identity, key: PrivateKey, to: Connection, at: Moment) -> Config:
    """The platform's configuration, kept on disk. Raises TryLater or Refused."""
    told = signed(to, who, key, at, "GET", "/v1/config", b"", "eucora-request")
    config = read_as(told, Config)
    durable.write(folder / FILE, msgspec.json.encode(config))
    return config
