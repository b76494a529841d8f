"""A real Prometheus comes by for the platform's own figures, with a token, over TLS; PromQL finds what is true."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.live.prometheus import Server
from tests.platform import Up, platform_in

from eucora.pipeline.metrics import DECLARED

CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: eucora
    scheme: https
    static_configs: [{{targets: ["localhost:{port}"]}}]
    authorization: {{credentials_file: {token}}}
    tls_config: {{ca_file: {authority}}}
"""


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
    config.write_text(CONFIG.format(port=port, token=tmp_path / "token", authority=authority))
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
        told = {name for name in (each.name for each in DECLARED) if server.query(name, time.time())}
        followers = {each.name for each in DECLARED if "follower" in each.labels}
        assert told == {each.name for each in DECLARED} - followers, "nothing follows here, all else is told"
    finally:
        server.close()
