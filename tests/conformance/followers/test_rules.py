"""The recording rules that we ship, by Prometheus' own tool: they are well-formed, and say what devices told."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.live.server import SHIPPED

RULES = SHIPPED / "prometheus" / "rules.yml"
NAMES = {
    *("latency_p50", "latency_p95", "latency_p99", "freshness_p95", "door_failures_ratio", "store_failures_ratio"),
    *("ux_latency_p50", "ux_latency_p95", "ux_latency_p99", "agent_queue_depth"),
}
OF_THE_FLEET = ["agent_queue_depth", "ux_latency_p50", "ux_latency_p95", "ux_latency_p99"]
TOLD = """
rule_files: [rules.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'eucora_agent_queue_depth{device="a"}', values: '10+0x20'}
      - {series: 'eucora_agent_queue_depth{device="b"}', values: '5+0x20'}
      - {series: 'eucora_ux_latency_seconds_bucket{device="a",le="0.1"}', values: '50+0x20'}
      - {series: 'eucora_ux_latency_seconds_bucket{device="a",le="1"}', values: '100+0x20'}
      - {series: 'eucora_ux_latency_seconds_bucket{device="a",le="+Inf"}', values: '100+0x20'}
      - {series: 'eucora_door_seconds_bucket{door="telemetry",le="0.01",outcome="ok"}', values: '0+30x20'}
      - {series: 'eucora_door_seconds_bucket{door="telemetry",le="0.1",outcome="ok"}', values: '0+60x20'}
      - {series: 'eucora_door_seconds_bucket{door="telemetry",le="+Inf",outcome="ok"}', values: '0+60x20'}
      - {series: 'eucora_door_seconds_count{door="telemetry",outcome="ok"}', values: '0+60x20'}
      - {series: 'eucora_door_seconds_count{door="telemetry",outcome="later"}', values: '0+20x20'}
      - {series: 'eucora_freshness_seconds_bucket{le="1"}', values: '0+60x20'}
      - {series: 'eucora_freshness_seconds_bucket{le="+Inf"}', values: '0+60x20'}
      - {series: 'eucora_store_seconds_count{store="s3",outcome="ok"}', values: '0+60x20'}
      - {series: 'eucora_store_seconds_count{store="s3",outcome="failed"}', values: '0+20x20'}
    promql_expr_test:
      - {expr: agent_queue_depth, eval_time: 10m, exp_samples: [{labels: agent_queue_depth, value: 15}]}
      - {expr: ux_latency_p50, eval_time: 10m, exp_samples: [{labels: ux_latency_p50, value: 0.1}]}
      - {expr: ux_latency_p95, eval_time: 10m, exp_samples: [{labels: ux_latency_p95, value: 0.91}]}
      - {expr: latency_p50, eval_time: 10m, exp_samples: [{labels: 'latency_p50{door="telemetry"}', value: 0.01}]}
      - {expr: freshness_p95, eval_time: 10m, exp_samples: [{labels: freshness_p95, value: 0.95}]}
      - expr: door_failures_ratio
        eval_time: 10m
        exp_samples: [{labels: 'door_failures_ratio{door="telemetry"}', value: 0.25}]
      - expr: store_failures_ratio
        eval_time: 10m
        exp_samples: [{labels: 'store_failures_ratio{store="s3"}', value: 0.25}]
"""


def promtool(*words: str, cwd: Path) -> str:
    tool = shutil.which("promtool")
    assert tool, "Debian's package prometheus brings it"
    done = subprocess.run([tool, *words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_name_is_recorded(tmp_path: Path) -> None:
    assert f"{len(NAMES)} rules found" in promtool("check", "rules", str(RULES), cwd=tmp_path)
    text = RULES.read_text()
    assert {name for name in NAMES if f"record: {name}\n" in text} == NAMES


def test_they_say_what_the_figures_told(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES.read_text())
    (tmp_path / "told.yml").write_text(TOLD)
    promtool("test", "rules", "told.yml", cwd=tmp_path)


@pytest.mark.parametrize("name", OF_THE_FLEET)
def test_no_name_of_the_fleet_is_about_one_device(name: str) -> None:
    (rule,) = [part for part in RULES.read_text().split("- record: ")[1:] if part.startswith(f"{name}\n")]
    assert "sum" in rule
    assert "device" not in rule.partition("#")[0]
