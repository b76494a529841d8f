"""The configuration is what the platform last said, what enrolment said before, and never what is damaged."""

from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.eucora_agent.h2server import Told, running
from tests.eucora_agent.identities import identity
from tests.eucora_agent.spooling import BOOT

from eucora_agent import obey
from eucora_agent.http2 import Connection, tls
from eucora_agent.moment import Moment
from eucora_agent.problems import Refused, TryLater
from eucora_wire.clock import Boot
from eucora_wire.enrol import Config
from eucora_wire.envelope import parse_signed, verify
from eucora_wire.problems import document

WHO, KEY = identity(), Ed25519PrivateKey.generate()
AT = Moment(Boot(BOOT, 1_000), 1_795_500_000_000)
CONFIG = Config(version=4, policy=WHO.policy, cadence_s={"metrics": 30.0}, batch_max_items=7)


def fetch(folder: Path, told: Told) -> Config:
    with running(folder, lambda _: told) as server:
        to = Connection(server.url, tls(server.authority), 5)
        try:
            return obey.fetch(folder, WHO, KEY, to, AT)
        finally:
            to.close()
            signed = parse_signed(
                server.asked[0].headers,
                required=("content-digest", "eucora-installation", "eucora-device", "eucora-clock"),
                optional=(),
                tag="eucora-request",
            )
            verify(signed, KEY.public_key())


def test_what_was_fetched_is_there_after_a_restart(tmp_path: Path) -> None:
    assert obey.load(tmp_path, WHO) == Config(version=0, policy=WHO.policy)
    assert fetch(tmp_path, Told(200, msgspec.json.encode(CONFIG))) == CONFIG
    assert obey.load(tmp_path, WHO) == CONFIG


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (Told(200, b"<html>"), TryLater),
        (Told(503, b""), TryLater),
        (Told(403, msgspec.json.encode(document("revoked-device"))), Refused),
    ],
)
def test_what_is_no_configuration_changes_nothing(tmp_path: Path, told: Told, error: type[Exception]) -> None:
    fetch(tmp_path, Told(200, msgspec.json.encode(CONFIG)))
    with pytest.raises(error):
        fetch(tmp_path, told)
    assert obey.load(tmp_path, WHO) == CONFIG


def test_a_damaged_file_counts_as_not_fetched(tmp_path: Path) -> None:
    (tmp_path / obey.FILE).write_bytes(b"{")
    assert obey.load(tmp_path, WHO).version == 0
