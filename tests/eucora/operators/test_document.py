"""The operator plane keeps what its published document says, whatever is asked of it.

Schemathesis makes the requests, good and bad. Every other one is led to what is there (a device, a page's token), so that
answers are reached too and not only refusals.
"""

import asyncio
import io
import itertools
import json
import os
import re
from collections import Counter
from typing import Any

import requests
import requests.adapters
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.eucora.operators.conftest import Plane, PlantDevice, plant_samples
from urllib3 import HTTPResponse

from eucora.web.paging import token

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
STREAMED = "GET /api/v1/audit/export"
EXAMPLES = 15 if os.environ.get("EUCORA_TEST_LIVE") else 9
"""JSON lines: what a line holds is proved where the trail is verified."""


class InThisProcess(requests.adapters.HTTPAdapter):
    """Carries what requests prepared to the application, with the first operator's token."""

    def __init__(self, plane: Plane, loop: asyncio.AbstractEventLoop, device: str) -> None:
        super().__init__()
        self._plane, self._loop, self._device = plane, loop, device
        self._turns = itertools.cycle((True, False))

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        if next(self._turns):
            request.url = re.sub(r"(?<=/devices/)[^/?]+", self._device, request.url)
            request.url = re.sub(r"(?<=[?&]after=)[^&]*", token(self._device), request.url)
        headers = {"authorization": f"Bearer {self._plane.token}"}
        if "content-type" in request.headers:
            headers["content-type"] = request.headers["content-type"]
        asked = self._plane.client.request(request.method, request.url, headers=headers, content=request.body)
        answer = asyncio.run_coroutine_threadsafe(asked, self._loop).result(20)
        raw = HTTPResponse(io.BytesIO(answer.content), answer.headers, answer.status_code, preload_content=False)
        return self.build_response(request, raw)


async def test_every_answer_is_one_that_the_document_tells(plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    await plant_samples(plane, laptop.device_id, [0.1, 0.2])
    session = requests.Session()
    session.mount("https://", InThisProcess(plane, asyncio.get_running_loop(), str(laptop.device_id)))
    answer = await plane.client.get("/schema/openapi.json", headers={"authorization": f"Bearer {plane.token}"})
    seen = await asyncio.to_thread(ask_all, json.loads(answer.content), session)
    never = [label for label, statuses in seen.items() if not statuses & {200, 201, 202, 204, 404}]
    assert never == [], "nothing of these was reached"
    assert (await plane.get("/audit/verify"))["whole"]
    refused = {label for label, statuses in seen.items() if 400 in statuses}
    assert len(refused) > 15, "hardly anything wrong was asked"


def ask_all(document: dict[str, Any], session: requests.Session) -> dict[str, set[int]]:
    """Requests of each operation, good and bad: the statuses of their answers."""
    seen: dict[str, set[int]] = {}
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation, statuses = found.ok(), Counter[int]()
        modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        takes = bool(operation.query) or bool(operation.path_parameters) or bool(operation.body)
        for mode in modes[: 2 if takes else 1]:
            ask(operation, mode, session, statuses)
        seen[operation.label] = set(statuses)
    return seen


def ask(operation: Any, mode: GenerationMode, session: requests.Session, statuses: Counter[int]) -> None:
    checks = CHECKS[:-1] if operation.label == STREAMED else CHECKS

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def each(case: Case) -> None:
        response = case.call(base_url="https://localhost", session=session)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=checks)

    each()
