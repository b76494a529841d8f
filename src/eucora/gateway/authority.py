"""The installation's certificate authority: signs the server's certificate and short-lived ones of devices.

Files: `<data>/authority/ca.pem, ca.key, trusted.pem` and `<data>/tls/server.pem, server.key` (PKCS#8). `trusted.pem` is
what is trusted: our CA, and any other that an operator adds, so that two are trusted at once while one goes.
"""

import os
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Struct

from eucora import secrets
from eucora.clock import now as clock_now
from eucora.gateway.certificates import alternative_names, certificate, common_name, key_usage, pkcs8, self_signed
from eucora.problems import Misconfigured
from eucora_wire.envelope import PublicKey

CA_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=397)
RENEW_BEFORE = timedelta(days=60)


class Issued(Struct, frozen=True):
    """A certificate as PEM, and when it ends."""

    pem: str
    expires: datetime


class Authority:
    """The CA's key and certificate, and the files that listeners are given."""

    def __init__(self, data_dir: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self._key, self._certificate = key, certificate
        self.trusted_file = data_dir / "authority" / "trusted.pem"
        self.server_file = data_dir / "tls" / "server.pem"
        self.server_key_file = data_dir / "tls" / "server.key"

    def __repr__(self) -> str:
        return "Authority(…)"

    @property
    def trusted(self) -> str:
        """All trusted authorities, as PEM."""
        return self.trusted_file.read_text(encoding="ascii")

    def sign_device(self, public: PublicKey, device: uuid.UUID, now: datetime, hours: float) -> Issued:
        """A client certificate for a key whose possession was proved."""
        expires = now + timedelta(hours=hours)
        names = [x509.UniformResourceIdentifier(device.urn)]
        signed = self._sign(str(device), public, names, ExtendedKeyUsageOID.CLIENT_AUTH, now, expires)
        return Issued(signed.public_bytes(Encoding.PEM).decode(), expires)

    def sign_server(self, public: PublicKey, names: Sequence[x509.GeneralName], now: datetime) -> bytes:
        """The certificate of our listeners, as PEM."""
        expires = now + SERVER_LIFE
        signed = self._sign("EUCORA", public, names, ExtendedKeyUsageOID.SERVER_AUTH, now, expires)
        return signed.public_bytes(Encoding.PEM)

    def vouches_for(self, certificate: x509.Certificate) -> bool:
        """Whether this authority signed it."""
        try:
            certificate.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def _sign(
        self,
        name: str,
        public: PublicKey,
        names: Sequence[x509.GeneralName],
        use: x509.ObjectIdentifier,
        now: datetime,
        expires: datetime,
    ) -> x509.Certificate:
        return (
            certificate(common_name(name), self._certificate.subject, public, now, expires)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )


def ensure_authority(data_dir: Path, public_names: str) -> Authority:
    """The authority of a data directory, made at first start; the server's certificate is made anew when it soon ends
    or its names changed. Raises Misconfigured when a file is damaged."""
    now = clock_now()
    folder = data_dir / "authority"
    for each in (folder, data_dir / "tls"):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not (folder / "ca.key").exists():
        _make(folder, now)
    authority = load_authority(data_dir)
    _keep_trusted(authority.trusted_file, (folder / "ca.pem").read_bytes())
    _keep_server(authority, public_names, now)
    return authority


def load_authority(data_dir: Path) -> Authority:
    """The authority as it stands in its files. Raises Misconfigured when one is missing or damaged."""
    folder = data_dir / "authority"
    try:
        key = load_pem_private_key((folder / "ca.key").read_bytes(), None)
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as exc:
        raise Misconfigured(f"{folder} holds no usable authority: restore it from your backup") from exc
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise Misconfigured(f"{folder}: ca.key does not belong to ca.pem: restore both from your backup")
    return Authority(data_dir, key, certificate)


def _make(folder: Path, now: datetime) -> None:
    """The key last: its presence says that the authority is whole."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = self_signed("EUCORA device authority", key, now, now + CA_LIFE, authority=True)
    secrets.write(folder / "ca.pem", own.public_bytes(Encoding.PEM))
    secrets.write(folder / "ca.key", pkcs8(key))


def _keep_trusted(path: Path, ours: bytes) -> None:
    known = path.read_bytes() if path.exists() else b""
    if ours.strip() not in known:
        secrets.write(path, ours + known)
        os.chmod(path, 0o644)


def _keep_server(authority: Authority, public_names: str, now: datetime) -> None:
    wanted = alternative_names(public_names)
    if _still_good(authority, wanted, now):
        return
    key = ec.generate_private_key(ec.SECP256R1())
    secrets.write(authority.server_key_file, pkcs8(key))
    secrets.write(authority.server_file, authority.sign_server(key.public_key(), wanted, now))


def _still_good(authority: Authority, wanted: Sequence[x509.GeneralName], now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(authority.server_file.read_bytes())
        key = load_pem_private_key(authority.server_key_file.read_bytes(), None)
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    fits = key.public_key() == found.public_key() and list(names) == list(wanted)
    return fits and authority.vouches_for(found) and found.not_valid_after_utc - now > RENEW_BEFORE
