"""Each refusal has its own clear answer, and the platform carries on."""

import httpx
from tests.eucora.gateway.conftest import Device


def slug(response: httpx.Response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    return str(response.json()["type"].removeprefix("urn:eucora:problem:"))


async def test_a_batch_is_acknowledged_with_its_receipt_over_http2(device: Device) -> None:
    response = await device.send(device.batch(device.payload(), device.payload()))
    assert response.http_version == "HTTP/2"
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["outcome"], answer["accepted"], answer["sequence"]) == ("appended", 2, 1)
    assert answer["receipt"]["epoch"] == 1
    assert answer["next"] == {"config": 1}
