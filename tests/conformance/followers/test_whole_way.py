"""`eucora up` beside a Prometheus, a Loki and a Tempo: in each, what its agent sent is found exactly once.

Needs all three; the platform is killed in the middle, as a power cut does it.
"""

import json
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.live.loki import Loki
from tests.live.prometheus import Server as Prometheus
from tests.live.tempo import Tempo
from tests.platform import Up, platform_in

from eucora import clock

NOW = clock.now()
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
STAGES = {"send", "door", "journal.commit", "digest", "digest.normalise", "digest.enrich", "digest.store"}
TOLD = {"tell.prometheus", "tell.loki", "tell.tempo"}


class Beside:
    """The three servers."""

    def __init__(self) -> None:
        self.metrics, self.logs, self.traces = Prometheus(), Loki(), Tempo()
        for server in (self.metrics, self.logs, self.traces):
            server.start()

    def settings(self) -> dict[str, str]:
        return {
            "EUCORA_METRICS_URL": self.metrics.url,
            "EUCORA_LOGS_URL": self.logs.url,
            "EUCORA_TRACES_URL": self.traces.otlp,
            "EUCORA_TRACES_QUERY_URL": self.traces.url,
            "EUCORA_TRACES_RATIO": "1",
            "EUCORA_AGENT_CADENCE_S": "2",
        }

    def close(self) -> None:
        for server in (self.metrics, self.logs, self.traces):
            server.close()


@pytest.fixture(scope="module")
def beside() -> Iterator[Beside]:
    opened = Beside()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def up(beside: Beside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with platform_in(tmp_path_factory.mktemp("whole"), **beside.settings()) as platform:
        yield platform.start()


@pytest.fixture(scope="module")
def device(up: Up) -> str:
    (found,) = up.eventually(lambda: up.json("devices"))
    return str(found["device_id"])


def settled(up: Up) -> bool:
    return all(f["waiting"] == 0 and f["told"] for f in up.json("stores") if f["follower"] != "tempo")


def test_after_a_power_cut_promql_finds_each_sample_once(up: Up, beside: Beside, device: str) -> None:
    up.eventually(lambda: len(up.json("series", device, "cpu")["points"]) >= 3)
    up.stop(signal.SIGKILL)
    up.start()
    up.eventually(lambda: len(up.json("series", device, "cpu")["points"]) >= 6)
    up.eventually(lambda: settled(up))
    points = up.json("series", device, "cpu")["points"]
    query = f'system_cpu_utilization_ratio{{device="{device}"}}[1h]'
    (series,) = beside.metrics.query(query, clock.now().timestamp())
    there = {round(at, 3): float(value) for at, value in series["values"]}
    assert len(there) == len(series["values"])
    ours = {round(clock.to_ms(datetime.fromisoformat(time)) / 1000, 3): value for time, value in points}
    assert {at: pytest.approx(ours[at]) for at in ours if at in there} == {at: there[at] for at in ours if at in there}
    assert len(ours.keys() - there.keys()) <= 1, "the newest may still be on its way"


def test_logql_finds_each_line_once(up: Up, beside: Beside, device: str) -> None:
    up.eventually(lambda: settled(up))
    ours = [*up.json("lines", device), *up.json("changes", device), *up.json("crashes", device)]
    said = beside.logs.query(f'{{service_name="eucora"}} | device="{device}"', NOW - 20 * 24 * HOUR, clock.now())
    ids = [labels["id"] for _, _, labels in said]
    assert len(set(ids)) == len(ids)
    recent = {row["id"] for row in ours if datetime.fromisoformat(row["time"]) > NOW - 20 * 24 * HOUR}
    assert recent == set(ids)


def test_traceql_finds_every_stage_of_a_batch_by_its_device_and_each_once(up: Up, beside: Beside, device: str) -> None:
    wanted = f'{{ resource.service.name = "eucora-agent" && resource.host.id = "{device}" && name = "send" }}'

    def whole() -> list[dict[str, Any]]:
        for trace in beside.traces.search(wanted, NOW - MINUTE, clock.now() + MINUTE):
            spans = _spans(beside.traces, trace)
            if {span["name"] for span in spans} >= STAGES | TOLD:
                return spans
        return []

    spans = up.eventually(whole, 90)
    ids = {span["name"]: span["spanId"] for span in spans}
    assert len({span["spanId"] for span in spans}) == len(ids)
    parents = {span["name"]: span.get("parentSpanId", "") for span in spans}
    assert parents["send"] == ""
    assert (parents["door"], parents["journal.commit"]) == (ids["send"], ids["door"])
    assert {parents[name] for name in TOLD} == {ids["digest"]}
    assert all(int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) for span in spans)


def test_the_audit_trail_is_in_loki_event_by_event_with_its_digests(up: Up, beside: Beside) -> None:
    def whole() -> bool:
        copied = beside.logs.query('{service_name="eucora-audit"}', NOW - HOUR, clock.now() + MINUTE)
        events = up.json("audit", "list")
        told = sorted((int(labels["position"]), labels["digest"], labels["act"]) for _, _, labels in copied)
        assert len({position for position, _, _ in told}) == len(told)
        return [(n, act) for n, _, act in told] == sorted((event["position"], event["act"]) for event in events)

    up.eventually(whole)


def test_the_platforms_own_lines_are_in_loki_by_role(up: Up, beside: Beside) -> None:
    def there() -> bool:
        found = beside.logs.query('{service_name=~"eucora-(gateway|pipeline|api)"}', NOW - HOUR, clock.now() + MINUTE)
        return any("places_held" in text for _, text, _ in found)

    up.eventually(there)


def test_doctor_finds_the_servers_well_as_they_are_shipped(up: Up) -> None:
    done = up.run("doctor", "--json", check=False)
    found = {told["part"]: told["findings"] for told in json.loads(done.stdout)}
    for server in ("prometheus", "loki", "tempo"):
        assert [each for each in found[server] if each["state"] == "wrong"] == []


def _spans(server: Tempo, trace: str) -> list[dict[str, Any]]:
    found: Any = httpx.get(f"{server.url}/api/traces/{trace}", trust_env=False, timeout=30).raise_for_status().json()
    batches = found.get("batches") or found.get("trace", {}).get("resourceSpans", [])
    return [s for b in batches for scope in b["scopeSpans"] for s in scope["spans"]]
