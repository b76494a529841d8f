"""An installation is held to its word as it runs; one that loses a sample is found out."""

import asyncio
import io
import json
import subprocess
import sys
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


def test_the_forged_batches_are_in_the_trail_and_trouble_nobody(up: Up) -> None:
    up.json("verify", "--devices", "1", "--batches", "5")
    told = up.eventually(
        lambda: [e for e in up.json("audit", "list", "--act", "batch.refused") if "simulated" in e["detail"]]
    )
    assert told[0]["detail"]["reason"] == "digest-mismatch"
    assert [each["name"] for each in up.json("status")["troubles"] if each["name"].startswith("refused-")] == []


def test_a_machine_that_knows_address_authority_and_token_alone_proves_it_too(up: Up, tmp_path: Path) -> None:
    known = json.loads((up.data_dir / "operator.json").read_bytes())
    scopes = ("tokens.write", "devices.read", "devices.erase", "telemetry.read", "audit.read")
    token = up.json("tokens", "create", *(word for scope in scopes for word in ("--scope", scope)))["token"]
    (tmp_path / "ca.pem").write_bytes(Path(known["ca"]).read_bytes())
    environ = {name: value for name, value in up.environ.items() if not name.startswith("EUCORA_")}
    environ |= {"HOME": str(tmp_path), "EUCORA_OPERATOR_TOKEN": token, "EUCORA_OPERATOR_CA_FILE": "ca.pem"}
    words = ("--against", known["url"] + "/", "--devices", "1", "--batches", "5", "--report", "proof.json")
    done = subprocess.run(
        (sys.executable, "-m", "eucora.cli.main", "verify", *words),
        env=environ, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{known['url']}: 25 acknowledged, 0 lost, 0 twice")
    report = json.loads((tmp_path / "proof.json").read_bytes())
    (statement,) = report["statements"].values()
    assert (report["against"], json.loads(statement.splitlines()[0])["address"]) == (known["url"], known["url"])
    assert eucora_verify.verify(io.BytesIO(statement.encode()), None).items == 25


def test_an_installation_that_loses_samples_is_found_out(up: Up) -> None:
    asyncio.run(execute(owner(up), LOSES))
    done = up.run("verify", "--devices", "1", "--batches", "20", "--json", check=False)
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["kept"], found["lost"] > 0, found["twice"]) == (False, True, 0)
    assert "did not keep its word" in done.stderr
