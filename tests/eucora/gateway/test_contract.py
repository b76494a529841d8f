"""The running gateway keeps what the published OpenAPI document says, whatever is sent to it.

Schemathesis makes the requests, good and bad. Of three, one arrives as it was made; one is completed and signed on its
way out, as an agent would have done it; and one is made plausible besides, so that what lies behind all checks is reached.
"""

import asyncio
import gzip
import io
import itertools
import uuid
from collections import Counter
from typing import Any

import httpx
import jsonschema_rs
import msgspec
import pytest
import requests
import requests.adapters
import requests.auth
import schemathesis
import zstandard
from docs.generate import PUBLISHED, ROOT
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.eucora.gateway.plane import Device, Plane, csr_for
from urllib3 import HTTPResponse

from eucora import clock
from eucora_wire import envelope
from eucora_wire.answer import Account

SCHEMA = schemathesis.openapi.from_path(ROOT / PUBLISHED / "openapi.json")
PAYLOAD = jsonschema_rs.validator_for((ROOT / PUBLISHED / "schema/payload.json").read_text())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PACK = {"zstd": zstandard.compress, "gzip": gzip.compress}
UNPACK = {"zstd": zstandard.decompress, "gzip": gzip.decompress}
TAGS = {"/v1/logon": "eucora-logon", "/v1/config": "eucora-request", "/v1/renew": "eucora-renew"}

FIRST = {"eucora-sequence": "1", "eucora-previous": "none", "content-encoding": "zstd", "eucora-clock": "1"}
"""What the first batch of a stream says."""

MUST_BE_SEEN = {
    "POST /v1/telemetry": {200, 400, 401, 422},
    "POST /v1/logon": {200, 400, 401},
    "GET /v1/config": {200, 401},
    "POST /v1/enrol": {200, 400, 403},
    "POST /v1/renew": {200, 400, 401},
    "GET /v1/authorities": {200},
}
"""Else the requests did not reach what they are to prove."""

TAKES_NOTHING = {"GET /v1/authorities"}
"""So nothing of it can be wrong."""


class OverHttp2(requests.adapters.HTTPAdapter):
    """Carries what requests prepared, by HTTP/2 and with the device's certificate."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__()
        self._client = client

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("connection", "content-length")}
        answer = self._client.request(request.method, request.url, headers=headers, content=request.body)
        raw = HTTPResponse(io.BytesIO(answer.content), answer.headers, answer.status_code, preload_content=False)
        return self.build_response(request, raw)


class Completed(requests.auth.AuthBase):
    """The hook that signs: called when the request is made and not yet sent."""

    def __init__(self, device: Device, tokens: list[str]) -> None:
        self._device, self._tokens = device, tokens
        self._turns = itertools.cycle(("as made", "completed", "plausible"))

    def __call__(self, request: Any) -> Any:
        turn = next(self._turns)
        if turn == "as made":
            return request
        if turn == "plausible":
            for name in envelope.OPTIONAL:
                request.headers.pop(name, None)
            request.headers.update({name: value for name, value in FIRST.items() if name in request.headers})
        path = request.path_url
        body = self._body(path, request.body or b"")
        if path == "/v1/telemetry":
            body = self._seal(request.headers, body)
        elif path in TAGS:
            request.headers.update(self._device.signed(TAGS[path], body))
        request.prepare_body(body, None)
        return request

    def _body(self, path: str, body: bytes) -> bytes:
        """What was generated, with what only an enrolled agent can know."""
        try:
            made = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return body
        if path == "/v1/telemetry":
            made = [self._of_this_device(item) for item in listed(made)]
        elif isinstance(made, dict):
            made |= self._known(path)
        return msgspec.json.encode(made)

    def _of_this_device(self, item: object) -> object:
        if not isinstance(item, dict):
            return item
        own = {"device_id": self._device.id, "timestamp": clock.now()}
        return {k: v for k, v in item.items() if k not in ("user_id", "sessions")} | own

    def _known(self, path: str) -> dict[str, object]:
        if path == "/v1/logon":
            sealed = self._device.plane.seal_account(Account(name=uuid.uuid4().hex))
            return {"sealed": sealed, "key": self._device.enrolled.logon_key_id}
        if path == "/v1/enrol":
            return {"csr": csr_for(self._device.key)} | ({"token": self._tokens.pop()} if self._tokens else {})
        return {"csr": csr_for(self._device.key)}

    def _seal(self, headers: Any, body: bytes) -> bytes:
        """The generated headers, but those that say who it is and what the body holds."""
        encoding = headers.get("content-encoding", "")
        packed = PACK.get(encoding, bytes)(body)
        given = {name: headers.get(name, "") for name in envelope.REQUIRED}
        covered = given | {
            "content-digest": envelope.content_digest(packed),
            "content-type": envelope.CONTENT_TYPE,
            "eucora-schema": "1.0",
            "eucora-installation": str(self._device.enrolled.installation),
            "eucora-device": str(self._device.id),
            "eucora-stream": str(uuid.uuid4()),
            "eucora-items": f"1-{max(1, count(body))}",
        }
        covered |= {name: headers[name] for name in envelope.OPTIONAL if name in headers}
        headers.update(envelope.sign(covered, self._device.key, created=1, tag=envelope.TAG))
        return packed


def listed(made: object) -> list[Any]:
    return made if isinstance(made, list) else [made]


def count(body: bytes) -> int:
    try:
        return len(listed(msgspec.json.decode(body)))
    except msgspec.DecodeError:
        return 1


@pytest.mark.parametrize("label", OPERATIONS)
async def test_every_answer_is_one_that_the_document_tells(label: str, plane: Plane, device: Device) -> None:
    tokens = [await plane.token(uses=2) for _ in range(3)]
    plane.house.device_pace._full = 1e9  # what is asked here is not how fast one may ask
    seen = await asyncio.to_thread(ask_all, label, device, Completed(device, tokens))
    assert MUST_BE_SEEN[label] <= set(seen), seen
    await device.good()


def ask_all(label: str, device: Device, completed: Completed) -> Counter[int]:
    """Requests of one operation, good and bad: the statuses of their answers."""
    seen: Counter[int] = Counter()
    url = device.plane.device_url if OPERATIONS[label].path in ("/v1/telemetry", "/v1/logon", "/v1/config") else ""
    with httpx.Client(verify=device.plane.tls(device.identity), http2=True, timeout=20) as client:
        session = requests.Session()
        session.auth = completed
        session.mount("https://", OverHttp2(client))
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)[: 1 if label in TAKES_NOTHING else 2]:
            ask(label, mode, url or device.plane.enrolment_url, session, seen)
    return seen


def ask(label: str, mode: GenerationMode, url: str, session: requests.Session, seen: Counter[int]) -> None:
    @settings(
        max_examples=30,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    def each(case: Case) -> None:
        response = case.call(base_url=url, session=session)
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)
        if response.status_code == 200 and OPERATIONS[label].path == "/v1/telemetry":
            assert all(PAYLOAD.is_valid(item) for item in taken(response.json(), response.request))

    each()


def taken(answer: Any, request: Any) -> list[Any]:
    """The items of a batch that were not rejected."""
    body = UNPACK.get(request.headers["content-encoding"], bytes)(request.body)
    rejected = {found["item"] for found in answer.get("rejected", ())}
    return [item for n, item in enumerate(listed(msgspec.json.decode(body)), 1) if n not in rejected]
