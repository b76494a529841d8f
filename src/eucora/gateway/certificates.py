"""X.509 in small: what certificates and requests of an installation look like."""

import ipaddress
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from eucora.problems import Misconfigured, Refused
from eucora_wire.envelope import BadSignature, PublicKey, algorithm_of

SKEW = timedelta(hours=1)
"""A device whose clock is a little behind still accepts what was signed just now."""

CSR_WANTED = "$.csr: PKCS#10 in PEM, for an Ed25519 or ECDSA P-256 key, with a signature that holds"


def read_csr(pem: str) -> PublicKey:
    """The key of a request whose own signature holds (proof of possession): Ed25519 or P-256. Raises Refused."""
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
        key = csr.public_key()
        if isinstance(key, PublicKey) and algorithm_of(key) and csr.is_signature_valid:
            return key
    except (ValueError, TypeError, UnsupportedAlgorithm, InvalidSignature, BadSignature) as exc:
        raise Refused("bad-request", CSR_WANTED) from exc
    raise Refused("bad-request", CSR_WANTED)


def public_der(key: PublicKey) -> bytes:
    """SubjectPublicKeyInfo, as signers are kept."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def alternative_names(public_names: str) -> list[x509.GeneralName]:
    """Names and addresses for certificates. Raises Misconfigured."""
    found: list[x509.GeneralName] = []
    for name in filter(None, (part.strip() for part in public_names.split(","))):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            if not name.isascii():
                raise Misconfigured("EUCORA_PUBLIC_NAMES: write international names in their xn-- form") from None
            found.append(x509.DNSName(name))
    if not found:
        raise Misconfigured("EUCORA_PUBLIC_NAMES is empty: name at least one host or address")
    return found


def common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    subject: x509.Name, issuer: x509.Name, public: PublicKey, now: datetime, expires: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(expires)
    )


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def pkcs8(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def self_signed(
    name: str, key: ec.EllipticCurvePrivateKey, now: datetime, expires: datetime, *, authority: bool = False
) -> x509.Certificate:
    """A certificate that vouches for itself: an authority's, or a stranger's."""
    return (
        certificate(common_name(name), common_name(name), key.public_key(), now, expires)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(key_usage(signs_certificates=authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
