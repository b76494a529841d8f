"""The recording rules that we ship, by Prometheus' own tool: they are well-formed, and say what devices told."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import get_args

import pytest
from tests.live.server import SHIPPED

from eucora_wire.sections.deployments import Outcome

RULES = SHIPPED / "prometheus" / "rules.yml"
NAMES = {
    *("agent_heartbeat_failures", "queue_depth", "deployment_success_total", "deployment_failure_total"),
    *("latency_p50", "latency_p95", "latency_p99"),
}
TOLD = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'eucora_agent_heartbeat_failures_total{device="a"}', values: '3+0x20'}
      - {series: 'eucora_agent_heartbeat_failures_total{device="b"}', values: '4+0x20'}
      - {series: 'eucora_agent_queue_depth{device="a"}', values: '10+0x20'}
      - {series: 'eucora_ux_latency_seconds_bucket{device="a",le="0.1"}', values: '50+0x20'}
      - {series: 'eucora_ux_latency_seconds_bucket{device="a",le="1"}', values: '100+0x20'}
      - {series: 'eucora_ux_latency_seconds_bucket{device="a",le="+Inf"}', values: '100+0x20'}
      - {series: 'eucora_deployment_duration_seconds{device="a",outcome="succeeded"}', values: '60 _ 70 _ _'}
    promql_expr_test:
      - {expr: agent_heartbeat_failures, eval_time: 10m, exp_samples: [{labels: agent_heartbeat_failures, value: 7}]}
      - {expr: queue_depth, eval_time: 10m, exp_samples: [{labels: queue_depth, value: 10}]}
      - {expr: latency_p50, eval_time: 10m, exp_samples: [{labels: latency_p50, value: 0.1}]}
      - {expr: latency_p95, eval_time: 10m, exp_samples: [{labels: latency_p95, value: 0.91}]}
      - {expr: deployment_success_total, eval_time: 10m, exp_samples: [{labels: deployment_success_total, value: 2}]}
      - {expr: deployment_failure_total, eval_time: 10m, exp_samples: [{labels: deployment_failure_total, value: 0}]}
"""


def promtool(*words: str, cwd: Path) -> str:
    tool = shutil.which("promtool")
    assert tool, "Debian's package prometheus brings it"
    done = subprocess.run([tool, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_name_of_the_specification_is_recorded(tmp_path: Path) -> None:
    assert f"{len(NAMES)} rules found" in promtool("check", "rules", str(RULES), cwd=tmp_path)
    text = RULES.read_text()
    assert {name for name in NAMES if f"record: {name}\n" in text} == NAMES


def test_they_say_what_devices_told(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES.read_text())
    (tmp_path / "told.yml").write_text(TOLD)
    promtool("test", "rules", "told.yml", cwd=tmp_path)


def test_the_outcomes_are_those_that_a_device_can_tell() -> None:
    said = set(re.findall(r'outcome=~?"([^"]+)"', RULES.read_text()))
    assert {each for text in said for each in text.split("|")} <= set(get_args(Outcome))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_no_name_is_about_one_device(name: str) -> None:
    (rule,) = [part for part in RULES.read_text().split("- record: ")[1:] if part.startswith(f"{name}\n")]
    assert "sum" in rule
    assert "device" not in rule.partition("#")[0]
