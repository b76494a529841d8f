"""Signing and verifying: the RFCs' own vectors, an independent implementation, and every way to break a batch."""

import base64
import hashlib
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from hypothesis import given, settings
from hypothesis import strategies as st

from eucora_wire import envelope, sequence
from eucora_wire.clock import Boot

# RFC 9421 Appendix B.1.4 and B.1.3: test-key-ed25519 and test-key-ecc-p256, published in the RFC.
RFC_ED25519 = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
RFC_P256 = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----
"""
DIGEST = "sha-256=:" + base64.b64encode(bytes(32)).decode() + ":"


def ed25519_key() -> ed25519.Ed25519PrivateKey:
    key = load_pem_private_key(RFC_ED25519, None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key


def p256_key() -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(20_231_124, ec.SECP256R1())


KEYS = {"ed25519": ed25519_key(), "ecdsa-p256-sha256": p256_key()}
algorithm = pytest.mark.parametrize("algorithm", KEYS)


def a_seal(**changes: object) -> envelope.Seal:
    values: dict[str, object] = {
        "installation": uuid.UUID(int=1),
        "device": uuid.UUID(int=2),
        "policy": DIGEST,
        "boot": Boot(uuid.UUID(int=3), 90_061_000),
        "stream": uuid.UUID(int=4),
        "sequence": 7,
        "items": sequence.Items(12, 40, (sequence.Tombstone(13, 15, "shed"),)),
        "previous": "none",
        "clock_ms": 1_790_000_000_123,
    }
    return envelope.Seal(**{**values, **changes})  # type: ignore[arg-type]


def opened(headers: dict[str, str], key: envelope.PublicKey) -> envelope.Seal:
    envelope.verify(envelope.parse_signed(headers), key)
    return envelope.read_seal(headers)


# --- the RFCs' own vectors ---------------------------------------------------------------------------------------


def test_rfc_9421_b_2_6_signs_to_the_same_bytes_with_ed25519() -> None:
    params = (
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    base = envelope.signature_base(
        [
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ],
        params,
    )
    assert base.decode() == (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
        '"@method": POST\n'
        '"@path": /foo\n'
        '"@authority": example.com\n'
        '"content-type": application/json\n'
        '"content-length": 18\n'
        f'"@signature-params": {params}'
    )
    signature = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    assert base64.b64encode(envelope.sign_bytes(ed25519_key(), base)).decode() == signature
    envelope.verify_bytes(ed25519_key().public_key(), base64.b64decode(signature), base)


def test_rfc_9421_b_2_4_verifies_with_ecdsa_p256() -> None:
    params = '("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"'
    base = envelope.signature_base(
        [
            ("@status", "200"),
            ("content-type", "application/json"),
            (
                "content-digest",
                "sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:",
            ),
            ("content-length", "23"),
        ],
        params,
    )
    signature = base64.b64decode(
        "wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw=="
    )
    key = load_pem_public_key(RFC_P256)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    envelope.verify_bytes(key, signature, base)
    with pytest.raises(envelope.BadSignature):
        envelope.verify_bytes(key, signature, base + b" ")


def test_rfc_9530_content_digest_of_its_example() -> None:
    # RFC 9530 Appendix D: the SHA-256 of {"hello": "world"} with a line feed.
    assert envelope.content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_rfc_8037_thumbprint_of_an_ed25519_key() -> None:
    # RFC 8037 A.2 and A.3.
    raw = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    key = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    assert envelope.thumbprint(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_thumbprint_of_a_p256_key_is_over_the_canonical_jwk() -> None:
    # RFC 7517 A.1's P-256 key, put into RFC 7638's canonical form by hand.
    x, y = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
    numbers = (int.from_bytes(base64.urlsafe_b64decode(f"{n}="), "big") for n in (x, y))
    key = ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}'.encode()
    wanted = base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
    assert envelope.thumbprint(key) == wanted


# --- an independent implementation agrees ------------------------------------------------------------------------


class _Keys(HTTPSignatureKeyResolver):  # type: ignore[misc]
    def __init__(self, key: envelope.PublicKey) -> None:
        self.key = key

    def resolve_public_key(self, key_id: str) -> envelope.PublicKey:
        assert key_id == envelope.thumbprint(self.key)
        return self.key


class _Message:
    """What http-message-signatures wants to see of a request."""

    method = "POST"
    url = "https://gateway.example/v1/telemetry"

    def __init__(self, headers: dict[str, str]) -> None:
        self.headers = headers


@algorithm
def test_an_independent_rfc_9421_verifier_accepts_a_batch(algorithm: str) -> None:
    key = KEYS[algorithm]
    sealed = envelope.seal_batch(a_seal(subject=uuid.UUID(int=9)), b"body", key)
    theirs = {"ed25519": algorithms.ED25519, "ecdsa-p256-sha256": algorithms.ECDSA_P256_SHA256}[algorithm]
    verifier = HTTPMessageVerifier(signature_algorithm=theirs, key_resolver=_Keys(key.public_key()))
    # Their own limit on the age of a signature is not ours: a batch may be weeks old.
    verifier.validate_created_and_expires = lambda *args, **kwargs: None
    found = verifier.verify(_Message(sealed.headers))
    wanted = {*envelope.REQUIRED, "eucora-subject", "@signature-params"}
    assert set(found[0].covered_components) == {f'"{name}"' for name in wanted}


# --- round trips and breaks --------------------------------------------------------------------------------------

uuids = st.uuids()
items = st.tuples(st.integers(1, 2**53 - 200), st.integers(0, 100)).map(lambda n: sequence.Items(n[0], n[0] + n[1]))
seals = st.builds(
    envelope.Seal,
    installation=uuids,
    device=uuids,
    policy=st.sampled_from(["none", DIGEST]),
    boot=st.builds(Boot, uuids, st.integers(0, 10**14)),
    stream=uuids,
    sequence=st.integers(1, 2**53 - 1),
    items=items,
    previous=st.sampled_from(["none", "lost", DIGEST]),
    clock_ms=st.integers(-(10**13), 10**13),
    subject=st.none() | uuids,
    lost=st.lists(
        st.builds(
            sequence.Lost,
            st.integers(1, 10**9),
            st.just(1),
            st.integers(1, 9),
            st.sampled_from(sequence.REASONS),
        ),
        max_size=3,
    ).map(tuple),
    voids=st.none() | st.integers(1, 10**9),
    encoding=st.sampled_from(["zstd", "gzip", "identity"]),
)


@algorithm
@given(seal=seals, body=st.binary(max_size=64))
@settings(max_examples=60)
def test_what_was_sealed_is_opened_as_it_was(algorithm: str, seal: envelope.Seal, body: bytes) -> None:
    key = KEYS[algorithm]
    sealed = envelope.seal_batch(seal, body, key)
    assert sealed.body == body
    assert envelope.digest_matches(sealed.headers, body)
    assert opened(sealed.headers, key.public_key()) == seal


@algorithm
@given(name=st.sampled_from(envelope.REQUIRED), place=st.integers(0, 200), bit=st.integers(0, 6))
@settings(max_examples=120)
def test_any_flipped_bit_of_a_signed_header_is_refused(algorithm: str, name: str, place: int, bit: int) -> None:
    key = KEYS[algorithm]
    headers = envelope.seal_batch(a_seal(), b"body", key).headers
    value = headers[name]
    at = place % len(value)
    flipped = value[:at] + chr(ord(value[at]) ^ (1 << bit)) + value[at + 1 :]
    with pytest.raises((envelope.BadSignature, envelope.BadHeader)):
        opened({**headers, name: flipped}, key.public_key())


@given(body=st.binary(min_size=1, max_size=200), place=st.integers(0, 200), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_body_breaks_the_digest(body: bytes, place: int, bit: int) -> None:
    headers = envelope.seal_batch(a_seal(), body, KEYS["ed25519"]).headers
    other = bytearray(body)
    other[place % len(body)] ^= 1 << bit
    assert not envelope.digest_matches(headers, bytes(other))


@algorithm
@given(place=st.integers(0, 63), bit=st.integers(0, 7))
@settings(max_examples=40)
def test_any_flipped_bit_of_the_signature_is_refused(algorithm: str, place: int, bit: int) -> None:
    key = KEYS[algorithm]
    signed = envelope.parse_signed(envelope.seal_batch(a_seal(), b"body", key).headers)
    broken = bytearray(signed.signature)
    broken[place] ^= 1 << bit
    with pytest.raises(envelope.BadSignature):
        envelope.verify_bytes(key.public_key(), bytes(broken), signed.base)


@algorithm
def test_another_key_does_not_verify(algorithm: str) -> None:
    headers = envelope.seal_batch(a_seal(), b"body", KEYS[algorithm]).headers
    for other in (ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())):
        with pytest.raises(envelope.BadSignature):
            envelope.verify(envelope.parse_signed(headers), other.public_key())


@pytest.mark.parametrize("name", envelope.REQUIRED)
def test_every_required_header_must_be_there_and_covered(name: str) -> None:
    key = KEYS["ed25519"]
    covered = envelope.headers_of(a_seal(), b"body")
    value = covered.pop(name)
    headers = envelope.sign(covered, key, created=1, tag=envelope.TAG)
    with pytest.raises(envelope.BadHeader) as told:
        envelope.parse_signed(headers)
    assert told.value.name == name
    with pytest.raises(envelope.Unsigned):
        envelope.parse_signed({**headers, name: value})


@pytest.mark.parametrize("name", envelope.OPTIONAL)
def test_an_optional_header_of_ours_that_is_sent_but_not_signed_is_refused(name: str) -> None:
    headers = envelope.seal_batch(a_seal(), b"body", KEYS["ed25519"]).headers
    with pytest.raises(envelope.Unsigned):
        envelope.parse_signed({**headers, name: "1"})


@pytest.mark.parametrize("header", ["signature", "signature-input"])
@pytest.mark.parametrize("value", ["", "eucora", "eucora=::", "other=:AAAA:", "eucora=:A:", "eucora=()", "\x00", "ü"])
def test_a_signature_that_is_not_one_is_unsigned(header: str, value: str) -> None:
    headers = envelope.seal_batch(a_seal(), b"body", KEYS["ed25519"]).headers
    with pytest.raises(envelope.Unsigned):
        envelope.parse_signed({**headers, header: value})


def signed_as(params: str, covered: dict[str, str]) -> dict[str, str]:
    """Headers with a true Ed25519 signature under any parameters at all."""
    names = [name.strip('"') for name in params.partition(")")[0].strip("(").split(" ")]
    base = envelope.signature_base([(name, covered[name]) for name in names], params)
    signature = base64.b64encode(envelope.sign_bytes(KEYS["ed25519"], base)).decode()
    return {**covered, "signature-input": f"eucora={params}", "signature": f"eucora=:{signature}:"}


def test_a_true_signature_under_another_algorithms_name_is_refused() -> None:
    covered = envelope.headers_of(a_seal(), b"")
    params = envelope.sign(covered, KEYS["ed25519"], created=1, tag=envelope.TAG)["signature-input"].partition("=")[2]
    envelope.verify(envelope.parse_signed(signed_as(params, covered)), KEYS["ed25519"].public_key())
    renamed = signed_as(params.replace('"ed25519"', '"ecdsa-p256-sha256"'), covered)
    with pytest.raises(envelope.BadSignature):
        envelope.verify(envelope.parse_signed(renamed), KEYS["ed25519"].public_key())


def test_a_component_that_is_covered_twice_is_unsigned() -> None:
    covered = envelope.headers_of(a_seal(), b"")
    params = envelope.sign(covered, KEYS["ed25519"], created=1, tag=envelope.TAG)["signature-input"].partition("=")[2]
    with pytest.raises(envelope.Unsigned):
        envelope.parse_signed(signed_as(params.replace(")", ' "eucora-device")', 1), covered))


def test_a_signature_made_for_another_purpose_is_unsigned() -> None:
    headers = envelope.sign(envelope.headers_of(a_seal(), b""), KEYS["ed25519"], created=1, tag="eucora-renew")
    with pytest.raises(envelope.Unsigned):
        envelope.parse_signed(headers)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eucora-device", "not-a-uuid"),
        ("eucora-device", str(uuid.UUID(int=2)).replace("-", "")),
        ("eucora-device", "{" + str(uuid.UUID(int=2)) + "}"),
        ("eucora-installation", ""),
        ("eucora-sequence", "0"),
        ("eucora-sequence", "-1"),
        ("eucora-sequence", "1.5"),
        ("eucora-sequence", "٣"),
        ("eucora-sequence", str(2**53)),
        ("eucora-sequence", "9" * 400),
        ("eucora-items", "2-1"),
        ("eucora-items", "1-99999999"),
        ("eucora-previous", "sha-256=:AAAA:"),
        ("eucora-previous", "perhaps"),
        ("eucora-policy", "lost"),
        ("eucora-boot", "x"),
        ("eucora-clock", "now"),
    ],
)
def test_a_signed_but_malformed_header_is_named(name: str, value: str) -> None:
    covered = {**envelope.headers_of(a_seal(), b""), name: value}
    headers = envelope.sign(covered, KEYS["ed25519"], created=1, tag=envelope.TAG)
    envelope.verify(envelope.parse_signed(headers), KEYS["ed25519"].public_key())
    with pytest.raises(envelope.BadHeader) as told:
        envelope.read_seal(headers)
    assert told.value.name == name


def test_the_chain_names_a_batch_by_its_signature_base() -> None:
    first = envelope.seal_batch(a_seal(), b"one", KEYS["ed25519"])
    digest = envelope.parse_signed(first.headers).batch_digest
    second = a_seal(sequence=8, items=sequence.Items(41, 41), previous=envelope.format_digest(digest))
    assert (
        envelope.parse_digest(envelope.seal_batch(second, b"two", KEYS["ed25519"]).headers["eucora-previous"]) == digest
    )


def test_neither_authority_nor_path_is_covered_so_a_batch_outlives_a_moved_gateway() -> None:
    given_input = envelope.seal_batch(a_seal(), b"", KEYS["ed25519"]).headers["signature-input"]
    assert "@" not in given_input.partition(";")[0]
