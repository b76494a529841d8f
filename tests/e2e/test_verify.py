"""An installation is held to its word as it runs; one that loses a sample is found out."""

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.platform import Up, execute, owner, platform_in

import eucora_verify

pytestmark = pytest.mark.timeout(240)

LOSES = """
CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RETURN CASE WHEN NEW.position % 5 = 0 THEN NULL ELSE NEW END;
END $$;
CREATE TRIGGER lose BEFORE INSERT ON hot_metrics FOR EACH ROW EXECUTE FUNCTION lose();
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    with platform_in(tmp_path_factory.mktemp("up"), EUCORA_DEVICE_RATE="1000") as platform:
        yield platform.start("--no-agent")


def test_what_it_acknowledged_is_there_once_and_the_report_proves_it(up: Up, tmp_path: Path) -> None:
    report = tmp_path / "proof.json"
    found = up.json("verify", "--devices", "2", "--batches", "45", "--seed", "7", "--report", str(report))
    assert found["kept"]
    assert (found["acknowledged"], found["lost"], found["twice"]) == (2 * 45 * 5, 0, 0)
    assert found["deliveries"] > 2 * 45
    statements = json.loads(report.read_bytes())["statements"]
    assert len(statements) == 2
    for text in statements.values():
        proved = eucora_verify.verify(io.BytesIO(text.encode()), None)
        assert (proved.batches, proved.items, proved.missing) == (45, 45 * 5, [])
    assert up.json("devices") == []


def test_an_installation_that_loses_samples_is_found_out(up: Up) -> None:
    asyncio.run(execute(owner(up), LOSES))
    done = up.run("verify", "--devices", "1", "--batches", "20", "--json", check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["kept"], found["lost"] > 0, found["twice"]) == (False, True, 0)
    assert "did not keep its word" in done.stderr
