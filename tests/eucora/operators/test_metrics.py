"""`/metrics` says how the line and its followers stand, to whoever holds the permission."""

import uuid
from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families
from tests.eucora.line import Line
from tests.eucora.operators.conftest import Plane
from tests.eucora.operators.test_stores import PLANTED

from eucora.observe import golden
from eucora.observe.figures import HERE
from eucora.pipeline.metrics import DECLARED
from eucora_wire.payload import Payload
from eucora_wire.sections.deployments import Deployment
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
    names = {name.removesuffix("_bucket") for name, _ in after}
    assert {metric.name for metric in DECLARED} - names <= LABELLED, (
        "what nobody counted yet is 0, where it has no label"
    )


LABELLED = {metric.name for metric in golden.DECLARED if metric.labels}


async def test_what_the_line_took_and_how_fresh_it_is_are_told_once_it_was_written_down(
    plane: Plane, line: Line
) -> None:
    device = await line.enrol()
    late = Payload(device_id=device.id, timestamp=NOW - timedelta(hours=2), hardware=Hardware(cpu=1.0))
    payload = Payload(device_id=device.id, timestamp=datetime.now(UTC), hardware=Hardware(cpu=1.0))
    before = HERE.told()
    await line.append(device.batch([payload]), device.batch([late], lane="replay"))
    await line.digest()
    await HERE.write(plane.house.pool)
    told = await scraped(plane)
    had = {(f.name, f.labels): sum(f.values[1:]) for f in before}
    assert told["eucora_freshness_seconds_count", ()] - had.get(("eucora_freshness_seconds", ()), 0) == 1, "live alone"
    for stage in ("normalise", "enrich", "store"):
        count = told["eucora_stage_seconds_count", (("outcome", "ok"), ("stage", stage))]
        assert count > had.get(("eucora_stage_seconds", (stage, "ok")), 0)
    assert told["queue_depth", ()] == 0


async def test_the_specification_s_own_names_tell_what_is_true(plane: Plane, line: Line) -> None:
    device, silent = await line.enrol(), await line.enrol()
    for number, outcome in enumerate(("succeeded", "succeeded", "failed", "rolled_back", "running")):
        told = Deployment(id=uuid.UUID(int=number + 1), time=NOW, job="app", outcome=outcome)  # type: ignore[arg-type]
        await line.append(device.batch([Payload(device_id=device.id, timestamp=NOW, deployments=(told,))]))
    await line.append(silent.batch([Payload(device_id=silent.id, timestamp=NOW, hardware=Hardware(cpu=1.0))]))
    assert (await scraped(plane))["queue_depth", ()] == 6
    await line.digest()
    hour = timedelta(hours=1)
    await plane.house.pool.execute("UPDATE journal_heads SET received = $2 WHERE device = $1", silent.id, NOW - hour)
    found = await scraped(plane)
    assert found["deployment_success_total", ()] == 2
    assert found["deployment_failure_total", ()] == 2
    assert found["agent_heartbeat_failures", ()] == 1
    assert found["queue_depth", ()] == 0


async def test_a_scraper_without_the_permission_is_turned_away(plane: Plane) -> None:
    for token in ("", await plane.token_for("status.read")):
        answer = await plane.client.get("/metrics", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code in (401, 403)
