"""A real Prometheus told by cohort: PromQL finds the fleet's mean, each step once, and no series of a device."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.line import Line, close_line, open_line
from tests.eucora.pipeline.test_told_cohorts import FIRST, fleet, listen, tell
from tests.live.prometheus import Server

from eucora.archive.copies import Copies
from eucora.archive.feed import Feed
from eucora.domains.all import erased
from eucora.stores.prometheus import Prometheus
from eucora.stores.prometheus_cohorts import PrometheusCohorts
from eucora.stores.s3 import S3Objects


@pytest.fixture
async def line(database: Any, tmp_path: Path) -> AsyncIterator[Line]:
    opened = await open_line(database.app_url, database.keys_url, tmp_path / "secrets")
    yield opened
    await close_line(opened)


@pytest.fixture
async def fed(line: Line, servers: Any, tmp_path: Path) -> AsyncIterator[Feed]:
    objects = S3Objects(servers.s3, "eucora-data")
    yield Feed(line.app, Copies(objects, tmp_path / "fed", 2**26), "metrics", partial(erased, line.app))
    await objects.close()


@pytest.fixture
async def follower(own: Server) -> AsyncIterator[PrometheusCohorts]:
    opened = PrometheusCohorts(Prometheus(own.url))
    yield opened
    await opened.close()


async def test_promql_finds_the_mean_of_a_cohort_by_sums_and_counts_and_no_device(
    line: Line, fed: Feed, follower: PrometheusCohorts, own: Server
) -> None:
    devices = await fleet(line, *["T14"] * 6, *["X1"] * 5)
    for minute in range(3):
        await tell(line, devices, minute)
        await listen(line, fed, follower)
    name, at_s = "cohort:system_cpu_utilization_ratio", FIRST.timestamp() + 600
    raw = own.query(f'{name}:count{{cohort="model"}}[20m]', at_s)
    assert {series["metric"]["value"]: [float(v) for _, v in series["values"]] for series in raw} == {
        "T14": [6, 6, 6],
        "X1": [5, 5, 5],
    }
    mean = own.query(f'sum_over_time({name}:sum{{cohort="fleet"}}[20m]) / sum_over_time({name}:count[20m])', at_s)
    assert [float(series["value"][1]) for series in mean] == [0.5]
    assert own.query('count({device!=""})', at_s) == []
    found = {f.name: f for f in await follower.inspect()}
    assert found["head_series"].state == "well"
