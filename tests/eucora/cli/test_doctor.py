"""`eucora doctor` names what is wrong and its mend, with the platform and without it."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.operators.conftest import Plane


async def test_it_ends_with_one_and_says_the_mend_when_something_is_wrong(terminal: Terminal, plane: Plane) -> None:
    result = await terminal.type("doctor")
    assert result.exit_code == 1, result.output
    assert "line, digest: start the pipeline" in " ".join(result.output.split())
    later = datetime.now(UTC) + timedelta(minutes=5)
    await plane.house.pool.execute("UPDATE cursors SET lease = gen_random_uuid(), leased_until = $1", later)
    assert "are well" in await terminal.told("doctor")


async def test_without_the_platform_it_says_so_and_looks_at_this_machine(
    terminal: Terminal, plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads((plane.house.settings.data_dir / "operator.json").read_bytes())
    away = plane.house.settings.data_dir / "away.json"
    away.write_text(json.dumps({**told, "url": "https://localhost:1"}))
    monkeypatch.setenv("EUCORA_OPERATOR_FILE", str(away))
    result = await terminal.type("doctor", "--json")
    assert result.exit_code == 1
    found = {part["part"]: part["findings"] for part in json.loads(result.stdout)}
    assert found["platform"][0]["mend"].startswith("start it")
    assert "server_certificate" in {each["name"] for each in found["machine"]}
