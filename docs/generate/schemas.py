"""JSON Schema (2020-12) of every message of the contract, made from its types."""

import msgspec
from msgspec import Struct

from docs.generate.written import as_json
from eucora_wire.answer import Account, Answer, LogonAnswer, LogonRequest
from eucora_wire.enrol import Config, Enrolled, EnrolRequest, RenewRequest
from eucora_wire.payload import Payload
from eucora_wire.problems import Document
from eucora_wire.sections.sessions import Session

MESSAGES: dict[str, type[Struct]] = {
    "payload": Payload,
    "session": Session,
    "answer": Answer,
    "problem": Document,
    "enrol-request": EnrolRequest,
    "enrolled": Enrolled,
    "renew-request": RenewRequest,
    "config": Config,
    "logon-request": LogonRequest,
    "logon-account": Account,
    "logon-answer": LogonAnswer,
}


def files() -> dict[str, str]:
    """`schema/<message>.json` for each message."""
    return {f"schema/{name}.json": as_json(_schema(name, message)) for name, message in MESSAGES.items()}


def _schema(name: str, message: type[Struct]) -> dict[str, object]:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:eucora:schema:{name}"}
    return {**head, **msgspec.json.schema(message)}
