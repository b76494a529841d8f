"""An identity is whole or not there; its certificate is renewed in time, also under a clock that is wrong."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tests.eucora_agent.identities import ISSUED, identity

from eucora_agent import durable, keys
from eucora_agent import identity as module
from eucora_agent.problems import NotEnrolled, SpoolFull
from eucora_wire.enrol import Enrolled
from eucora_wire.envelope import thumbprint

WHO = identity()


def told() -> Enrolled:
    fields = ("device_id", "installation", "expires", "logon_key", "logon_key_id", "policy", "gateway")
    return Enrolled(certificate="cert", authorities="ca", **{name: getattr(WHO, name) for name in fields})


@pytest.mark.parametrize("kind", ["ed25519", "p256"])
def test_what_enrolment_answered_is_kept_for_its_owner_alone(tmp_path: Path, kind: str) -> None:
    key = keys.make(kind)
    kept = module.keep(tmp_path, told(), key, WHO.enrolment, ISSUED)
    assert module.load(tmp_path) == kept == WHO
    assert thumbprint(keys.load(tmp_path / module.KEY).public_key()) == thumbprint(key.public_key())
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.iterdir())


def test_before_enrolment_and_after_damage_the_mend_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotEnrolled, match="eucora-agent enrol"):
        module.load(tmp_path)
    (tmp_path / module.IDENTITY).write_bytes(b"{")
    with pytest.raises(NotEnrolled, match="damaged"):
        module.load(tmp_path)
    with pytest.raises(NotEnrolled):
        keys.load(tmp_path / "key.pem")
    (tmp_path / "key.pem").write_bytes(b"no key")
    with pytest.raises(NotEnrolled, match="damaged"):
        keys.load(tmp_path / "key.pem")
    other = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").write_bytes(other)
    with pytest.raises(NotEnrolled, match="can't sign"):
        keys.load(tmp_path / "key.pem")


def test_a_certificate_is_due_after_two_thirds_of_its_life() -> None:
    assert not WHO.is_due(ISSUED + timedelta(hours=47))
    assert WHO.is_due(ISSUED + timedelta(hours=48))
    assert WHO.is_due(ISSUED + timedelta(days=400))
    assert WHO.is_due(ISSUED - timedelta(days=1))  # the clock, or the certificate, can't be right
    assert not WHO.is_due(ISSUED - timedelta(minutes=5))


def test_a_file_is_as_before_or_whole_as_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    durable.write(file, b"before")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SpoolFull, match="free some space"):
        durable.write(file, b"after")
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file], "what was begun takes no room"
