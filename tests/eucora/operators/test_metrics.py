"""`/metrics` says how the line and its followers stand, to whoever holds the permission."""

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families
from tests.eucora.line import Line
from tests.eucora.operators.conftest import Plane
from tests.eucora.operators.test_stores import PLANTED

from eucora.pipeline.metrics import DECLARED
from eucora_wire.payload import Payload
from eucora_wire.sections.hardware import Hardware

NOW = datetime.now(UTC)


async def scraped(plane: Plane) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    answer = await plane.client.get("/metrics", headers={"authorization": f"Bearer {plane.token}"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


async def test_every_declared_metric_is_told_with_the_figure_that_is_true(plane: Plane, line: Line) -> None:
    device = await line.enrol()
    for n in range(3):
        payload = Payload(device_id=device.id, timestamp=NOW, hardware=Hardware(cpu=float(n)))
        await line.append(device.batch([payload]))
    await plane.house.pool.execute(PLANTED, NOW, NOW - timedelta(minutes=5), NOW.date())
    before = await scraped(plane)
    lane = (("lane", "live"),)
    assert (before["eucora_digest_lag_batches", lane], before["eucora_journal_appended_batches_total", lane]) == (3, 3)
    assert before["eucora_digest_lag_seconds", lane] >= 0
    await line.digest()
    after = await scraped(plane)
    assert after["eucora_digest_lag_batches", lane] == 0
    of = (("follower", "prometheus"),)
    assert after["eucora_follower_told_records_total", of] == 420
    assert after["eucora_follower_retries_batches_total", of] == 3
    assert after["eucora_follower_refused_records_total", (*of, ("reason", "too-old"))] == 40
    assert after["eucora_follower_last_error_seconds", of] == NOW.timestamp()
    assert after["eucora_fleet_devices", (("state", "enrolled"),)] == 1
    assert {name for name, _ in after} == {metric.name for metric in DECLARED}


async def test_a_scraper_without_the_permission_is_turned_away(plane: Plane) -> None:
    for token in ("", await plane.token_for("status.read")):
        answer = await plane.client.get("/metrics", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code in (401, 403)
