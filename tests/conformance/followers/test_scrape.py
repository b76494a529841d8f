"""A real Prometheus comes by for the platform's own figures, with a token, over TLS; PromQL finds what is true."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.prometheus import Server
from tests.platform import Up, platform_in

from eucora.observe.metrics import Declared
from eucora.pipeline.metrics import DECLARED

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: eucora
    scheme: https
    static_configs: [{{targets: ["localhost:{port}"]}}]
    authorization: {{credentials_file: {token}}}
    tls_config: {{ca_file: {authority}}}
"""


RULES = Path(__file__).parents[3] / "deploy" / "prometheus" / "rules.yml"


def _shown(metric: Declared) -> str:
    return metric.name + ("_count" if metric.kind == "histogram" else "")


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    with platform_in(tmp_path, EUCORA_AGENT_CADENCE_S="2") as platform:
        yield platform.start()


def test_it_is_scraped_and_promql_finds_what_was_appended_and_digested(up: Up, tmp_path: Path) -> None:
    made = json.loads(up.run("tokens", "create", "--scope", "metrics.read", "--json").stdout)
    (tmp_path / "token").write_text(made["token"])
    config = tmp_path / "scrape.yml"
    authority = up.data_dir / "authority" / "trusted.pem"
    port = up.environ["EUCORA_OPERATOR_PORT"]
    rules = tmp_path / "rules.yml"
    rules.write_text(RULES.read_text().replace("interval: 15s", "interval: 1s").replace("interval: 1m", "interval: 1s"))
    config.write_text(CONFIG.format(rules=rules, port=port, token=tmp_path / "token", authority=authority))
    server = Server(config)
    server.start()
    try:
        lane = '{lane="live"}'

        def value(query: str) -> float:
            found = server.query(query, time.time())
            return float(found[0]["value"][1]) if found else 0.0

        up.eventually(lambda: value(f"eucora_journal_appended_batches_total{lane}") >= 3)
        up.eventually(lambda: value(f"eucora_digest_read_batches_total{lane}") >= 3)
        assert value('eucora_fleet_devices{state="enrolled"}') == 1
        for share in ("p50", "p95", "p99"):
            up.eventually(lambda share=share: 0 < value(f'latency_{share}{{door="telemetry"}}') < 10)
        up.eventually(lambda: 0 < value("freshness_p95") < 60)
        told = {each.name for each in DECLARED if server.query(_shown(each), time.time())}
        followers = {each.name for each in DECLARED if "follower" in each.labels}
        assert told == {each.name for each in DECLARED} - followers, "nothing follows here, all else is told"
    finally:
        server.close()
