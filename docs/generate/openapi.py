"""OpenAPI 3.1 of the device plane: what an agent may ask, with which headers, and every answer it can get."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

import eucora_wire
from docs.generate.written import as_json
from eucora_wire import envelope
from eucora_wire.answer import Answer, LogonAnswer, LogonRequest
from eucora_wire.enrol import Config, Enrolled, EnrolRequest, RenewRequest
from eucora_wire.payload import Payload
from eucora_wire.problems import MEDIA_TYPE, REGISTRY, Document

Json = dict[str, Any]

_ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_UUID = f"^{_ID}$"
_DIGEST = r"^sha-256=:[A-Za-z0-9+/]{43}=:$"
_NUMBER = "(0|[1-9][0-9]{0,15})"
_RUNS = rf"{_NUMBER}(-{_NUMBER})?(\+{_NUMBER}(-{_NUMBER})?)*"
_REASON = "(shed|expired|corrupt|void)"
_LOST = f"{_NUMBER}=({_NUMBER}-{_NUMBER})?:{_REASON}"

# Name, pattern, what it says. All but the last three are covered by the signature.
HEADERS: tuple[tuple[str, str, str], ...] = (
    ("content-digest", _DIGEST, "RFC 9530, SHA-256 of the body as it travels"),
    ("content-encoding", "^(zstd|gzip|identity)$", "How the body is encoded"),
    ("eucora-schema", r"^[0-9]+\.[0-9]+$", "Version of the payload schema"),
    ("eucora-installation", _UUID, "The installation that enrolled the device"),
    ("eucora-device", _UUID, "The device; its payloads name the same"),
    ("eucora-policy", f"^none$|{_DIGEST}", "Digest of the policy under which it was collected"),
    ("eucora-boot", f"^{_ID};t=[0-9]{{1,15}}$", "Boot id and ms since boot at sealing, sleep included"),
    ("eucora-stream", _UUID, "The spool that the batch comes from"),
    ("eucora-sequence", "^[1-9][0-9]{0,15}$", "Number of the batch in its stream, from 1"),
    ("eucora-items", f"^{_NUMBER}-{_NUMBER}(;{_REASON}={_RUNS})*$", "Ordinals it accounts for"),
    ("eucora-previous", f"^(none|lost)$|{_DIGEST}", "Digest of the signature base of the batch before"),
    ("eucora-clock", "^-?[0-9]{1,15}$", "Wall time at sealing, ms since 1970"),
    ("eucora-subject", _UUID, "The person at the device, by pseudonym"),
    ("eucora-lost", f"^{_LOST}(, {_LOST})*$", "Sealed batches that the device lost, with their items and the reason"),
    ("eucora-voids", "^[1-9][0-9]{0,15}$", "Sequence of a refused batch whose items travel again here"),
    ("eucora-sent", f"^{_ID};t=[0-9]{{1,15}};w=-?[0-9]{{1,15}}$", "Boot, uptime and wall time at sending; unsigned"),
    ("signature-input", f"^{envelope.LABEL}=", "RFC 9421: what is covered, by which key, for what"),
    ("signature", f"^{envelope.LABEL}=:", "RFC 9421: Ed25519 or ECDSA P-256"),
)
OPTIONAL = {*envelope.OPTIONAL, "eucora-sent"}
SIGNED_REQUEST = (
    "content-digest",
    "eucora-installation",
    "eucora-device",
    "eucora-clock",
    "signature-input",
    "signature",
)

ANY = ("bad-header", "not-found", "method-not-allowed", "wrong-content-type", "internal", "journal-unavailable")
BODY = ("too-large", "wrong-content-encoding", "too-fast")
SIGNED = ("unsigned", "bad-signature", "unknown-device", "revoked-device", "other-installation", "digest-mismatch")
BATCH = (
    "unsupported-schema",
    "fork",
    "too-many-gaps",
    "replay-later",
    "disk-reserve",
    "inflates-too-much",
    "unreadable",
    "unknown-dictionary",
    "items-mismatch",
    "schema",
    "nul-character",
    "foreign-device",
    "foreign-subject",
    "erased-subject",
)


def file() -> str:
    """The whole document as text."""
    return as_json(document())


def document() -> Json:
    """The whole document. Parameters and schemas stand in `components`."""
    types: list[type[Struct]] = [Payload, Answer, EnrolRequest, Enrolled, RenewRequest, Config, LogonRequest]
    types += [LogonAnswer, Document]
    _, schemas = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "EUCORA device plane",
            "version": eucora_wire.SCHEMA,
            "summary": "What an enrolled agent may say and ask. Mutual TLS 1.3, HTTP/2, and a signature on each request.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [_server("gateway", "8443", "Telemetry, log-on, configuration: client certificate required")],
        "paths": {**_device_plane(), **_enrolment()},
        "components": {
            "schemas": schemas,
            "parameters": {name: _parameter(name, pattern, about) for name, pattern, about in HEADERS},
            "securitySchemes": {
                "certificate": {"type": "mutualTLS", "description": "The certificate given at enrolment"}
            },
        },
        "security": [{"certificate": []}],
    }


def _device_plane() -> Json:
    payload = _ref("schemas", "Payload")
    batch = {"oneOf": [payload, {"type": "array", "items": payload}]}
    return {
        "/v1/telemetry": {
            "post": {
                "operationId": "sendTelemetry",
                "summary": "One sealed batch; a 200 means that it is committed to the journal",
                "parameters": [_ref("parameters", name) for name, _, _ in HEADERS],
                "requestBody": _body(batch),
                "responses": _responses(Answer, (*ANY, *BODY, *SIGNED, *BATCH)),
            }
        },
        "/v1/logon": {
            "post": {
                "operationId": "logOn",
                "summary": "The account at the device, sealed to the platform's key, for a subject id",
                "parameters": [_ref("parameters", name) for name in SIGNED_REQUEST],
                "requestBody": _body(_ref("schemas", "LogonRequest")),
                "responses": _responses(LogonAnswer, (*ANY, *BODY, *SIGNED, "bad-request")),
            }
        },
        "/v1/config": {
            "get": {
                "operationId": "readConfig",
                "summary": "What to collect, how often, under which policy",
                "parameters": [_ref("parameters", name) for name in SIGNED_REQUEST],
                "responses": _responses(Config, (*ANY, *BODY, *SIGNED)),
            }
        },
    }


def _enrolment() -> Json:
    server = _server("enrolment", "8444", "Enrolment and renewal: no client certificate")
    bundle = {
        "description": "Trusted authorities",
        "content": {"application/x-pem-file": {"schema": {"type": "string"}}},
    }
    return {
        "/v1/enrol": {
            "servers": [server],
            "post": {
                "operationId": "enrol",
                "summary": "A one-time token and a certificate request against a short-lived certificate",
                "security": [],
                "requestBody": _body(_ref("schemas", "EnrolRequest")),
                "responses": _responses(Enrolled, (*ANY, *BODY, "bad-request", "bad-token")),
            },
        },
        "/v1/renew": {
            "servers": [server],
            "post": {
                "operationId": "renew",
                "summary": "A new certificate, signed for by the enrolled key; an expired one strands nobody",
                "security": [],
                "parameters": [_ref("parameters", name) for name in SIGNED_REQUEST],
                "requestBody": _body(_ref("schemas", "RenewRequest")),
                "responses": _responses(Enrolled, (*ANY, *BODY, *SIGNED, "bad-request")),
            },
        },
        "/v1/authorities": {
            "servers": [server],
            "get": {
                "operationId": "readAuthorities",
                "summary": "The certificate authorities that this installation trusts",
                "security": [],
                "responses": {"200": bundle, **_problems((*ANY, "too-fast"))},
            },
        },
    }


def _server(host: str, port: str, about: str) -> Json:
    variables = {"host": {"default": "localhost"}, "port": {"default": port}}
    return {"url": "https://{host}:{port}", "description": f"{host}: {about}", "variables": variables}


def _parameter(name: str, pattern: str, about: str) -> Json:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": name not in OPTIONAL, "description": about, "schema": schema}


def _ref(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _responses(answer: type[Struct], slugs: Iterable[str]) -> Json:
    content = {"application/json": {"schema": _ref("schemas", answer.__name__)}}
    good = {"description": (answer.__doc__ or "").splitlines()[0], "content": content}
    return {"200": good, **_problems(slugs)}


def _problems(slugs: Iterable[str]) -> Json:
    by_status: dict[int, list[str]] = defaultdict(list)
    for slug in slugs:
        by_status[REGISTRY[slug].status].append(slug)
    return {str(status): _refusal(status, found) for status, found in sorted(by_status.items())}


def _refusal(status: int, slugs: list[str]) -> Json:
    told = {
        "description": "; ".join(f"`{slug}`: {REGISTRY[slug].title}" for slug in slugs),
        "content": {MEDIA_TYPE: {"schema": _ref("schemas", "Document")}},
    }
    wait = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}}}
    return {**told, "headers": wait} if status in (429, 503) else told
