"""Each command, typed as a person would, against a platform that runs."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.eucora.cli.conftest import Terminal
from tests.eucora.operators.conftest import Plane, PlantDevice, plant_samples

from eucora.cli.platform import NotRunning, Turned


async def test_devices_are_found_and_shown(terminal: Terminal, plant: PlantDevice) -> None:
    laptop = await plant()
    table = await terminal.told("devices", "os:debian", "package:openssl")
    assert str(laptop.device_id) in table
    assert "anna-laptop" not in table
    assert [d["device_id"] for d in await terminal.json("devices")] == [str(laptop.device_id)]
    assert await terminal.json("devices", "os:windows") == []
    assert "No device fits" in await terminal.told("devices", "os:windows")
    shown = await terminal.told("devices", "--personal", "--purpose", "stock-taking")
    assert "anna-laptop" in shown


async def test_a_device_is_meant_by_id_beginning_or_host_name(terminal: Terminal, plant: PlantDevice) -> None:
    laptop = await plant()
    for text in (str(laptop.device_id), str(laptop.device_id)[:8], "Anna-Laptop"):
        assert (await terminal.json("device", text))["device_id"] == str(laptop.device_id), text
    facts = await terminal.told("device", "anna-laptop")
    assert "ThinkPad X1" in facts
    assert re.search(r"packages\s+3", facts)
    await plant(serial="SN-2")
    for text, said in (("anna-laptop", "may be"), ("nobody", "no device is called")):
        result = await terminal.type("device", text)
        assert isinstance(result.exception, Turned)
        assert said in str(result.exception)


async def test_every_page_is_printed(terminal: Terminal, plant: PlantDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    laptop = await plant()
    monkeypatch.setattr("eucora.cli.platform.PAGE", 2)
    assert [p["name"] for p in await terminal.json("software", "anna-laptop")] == ["bash", "openssl", "zlib1g"]
    assert "zlib1g" in await terminal.told("software", str(laptop.device_id))


async def test_a_series_is_drawn(terminal: Terminal, plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    await plant_samples(plane, laptop.device_id, [0.1, 0.9, 0.25])
    told = await terminal.told("series", "anna-laptop", "cpu", "--since", "1h")
    assert "now 25 %" in told
    assert "most 90 %" in told
    assert re.search(r"[\u2801-\u28ff]", told)
    assert [v for _, v in (await terminal.json("series", "anna-laptop", "cpu"))["points"]] == [0.1, 0.9, 0.25]
    assert "No samples" in await terminal.told("series", "anna-laptop", "memory")


@pytest.mark.parametrize("what", ["lines", "changes", "crashes"])
async def test_a_quiet_device_has_none(terminal: Terminal, plant: PlantDevice, what: str) -> None:
    await plant()
    assert f"No {what}" in await terminal.told(what, "anna-laptop")
    assert await terminal.json(what, "anna-laptop") == []


async def test_tokens_of_both_kinds_are_made_listed_and_ended(terminal: Terminal) -> None:
    for noun, prefix in (("tokens", "euc_"), ("enrolment-tokens", "eue_")):
        made = await terminal.json(noun, "create", "--label", "for a test")
        assert made["token"].startswith(prefix)
        assert "for a test" in await terminal.told(noun)
        assert "is revoked" in await terminal.told(noun, "revoke", made["token_id"])
        ended = [t for t in await terminal.json(noun, "list") if t["token_id"] == made["token_id"]]
        assert ended[0]["revoked_at"] is not None


async def test_operators_are_named_and_disabled(terminal: Terminal) -> None:
    await terminal.told("operators", "create", "anna")
    await terminal.told("tokens", "create", "--operator", "anna", "--scope", "status.read")
    await terminal.told("operators", "disable", "anna")
    assert {o["name"]: o["disabled_at"] is None for o in await terminal.json("operators")} == {
        "admin": True,
        "anna": False,
    }
    assert isinstance((await terminal.type("operators", "disable", "nobody")).exception, Turned)


async def test_a_device_is_revoked_only_after_a_yes(terminal: Terminal, plant: PlantDevice) -> None:
    await plant()
    assert "silent" in await terminal.told("devices", "state:silent")
    assert (await terminal.type("revoke", "anna-laptop", keys="n\n")).exit_code == 1
    assert (await terminal.json("device", "anna-laptop"))["state"] == "enrolled"
    await terminal.told("revoke", "anna-laptop", "--yes", "--reason", "lost")
    assert (await terminal.json("device", "anna-laptop"))["state"] == "revoked"
    assert "revoked" in await terminal.told("devices")


async def test_the_status_is_one_screen(terminal: Terminal) -> None:
    told = await terminal.told("status")
    assert "dead letters" in told
    assert "postgresql" in told
    assert (await terminal.json("status"))["lag_entries"] == 0


async def test_dead_letters_are_listed_and_replayed(terminal: Terminal) -> None:
    assert "everything that came was stored" in await terminal.told("deadletters")
    assert await terminal.json("deadletters") == []
    told = await terminal.json("deadletters", "replay", "6f1d3a52-7c0b-5c0e-9f43-5a0f0b8f9c11")
    assert (told["replayed"], told["unknown"]) == (0, 1)


async def test_the_trail_is_listed_exported_and_verified_offline(
    terminal: Terminal, plane: Plane, tmp_path: Path
) -> None:
    await terminal.told("status")
    assert "sign-in" in await terminal.told("audit", "list")
    assert "whole" in await terminal.told("audit", "verify")
    file = tmp_path / "trail.jsonl"
    await terminal.told("audit", "export", "-o", str(file))
    key = (await plane.get("/audit/key"))["public_key"]
    assert (await terminal.json("audit", "verify", "--file", str(file), "--key", key))["whole"]
    exported = [json.loads(line)["event"]["act"] for line in file.read_text().splitlines()]
    assert exported[-1] == "audit.exported"
    file.write_text(file.read_text().replace('"sign-in"', '"sign-out"'))
    result = await terminal.type("audit", "verify", "--file", str(file), "--key", key)
    assert result.exit_code == 1
    assert "NOT whole" in result.output


async def test_a_refusal_is_one_sentence_with_its_mend(terminal: Terminal) -> None:
    refused: Any = (await terminal.type("devices", "colour:red")).exception
    assert isinstance(refused, Turned)
    assert "fields of a query are" in str(refused)


async def test_a_platform_that_is_not_there_is_said_so(
    terminal: Terminal, plane: Plane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EUCORA_DATA_DIR", str(tmp_path / "none"))
    nothing: Any = (await terminal.type("devices")).exception
    assert isinstance(nothing, NotRunning)
    assert "eucora up" in str(nothing)
    file = plane.house.settings.data_dir / "operator.json"
    told = json.loads(file.read_bytes())
    elsewhere = tmp_path / "operator.json"
    elsewhere.write_text(json.dumps({**told, "url": "https://localhost:1"}))
    monkeypatch.setenv("EUCORA_OPERATOR_FILE", str(elsewhere))
    stopped: Any = (await terminal.type("devices")).exception
    assert isinstance(stopped, NotRunning)
    assert stopped.exit_code == 3


async def test_address_token_and_authority_of_the_environment_do_without_the_file(
    terminal: Terminal, plane: Plane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = plane.house.settings.data_dir
    url = json.loads((data / "operator.json").read_bytes())["url"]
    monkeypatch.setenv("EUCORA_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("EUCORA_OPERATOR_URL", url)
    monkeypatch.setenv("EUCORA_OPERATOR_TOKEN", await plane.token_for("devices.read"))
    monkeypatch.setenv("EUCORA_OPERATOR_CA_FILE", str(data / "authority" / "trusted.pem"))
    assert await terminal.json("devices") == []
    monkeypatch.delenv("EUCORA_OPERATOR_CA_FILE")
    stranger: Any = (await terminal.type("devices")).exception
    assert "something else answers" in str(stranger)  # the system's authorities don't know it


async def test_a_token_is_sent_to_the_address_alone_that_it_stands_beside(
    terminal: Terminal, plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = json.loads((plane.house.settings.data_dir / "operator.json").read_bytes())["url"]
    monkeypatch.setenv("EUCORA_OPERATOR_URL", url)
    assert await terminal.json("devices") == []
    for elsewhere in ("https://localhost:1", url.replace("https", "http")):
        monkeypatch.setenv("EUCORA_OPERATOR_URL", elsewhere)
        assert isinstance((await terminal.type("devices")).exception, Turned)
    monkeypatch.setenv("EUCORA_OPERATOR_URL", url)
    monkeypatch.setenv("EUCORA_OPERATOR_TOKEN", "euc_of_another")
    elsewhere_too: Any = (await terminal.type("verify", "--against", "https://localhost:1")).exception
    assert "no token for https://localhost:1" in str(elsewhere_too)


async def test_only_the_platform_s_own_authority_is_trusted(
    terminal: Terminal, plane: Plane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from eucora.gateway.authority import ensure_authority

    ensure_authority(tmp_path / "other", "localhost")
    told = json.loads((plane.house.settings.data_dir / "operator.json").read_bytes())
    elsewhere = tmp_path / "operator.json"
    elsewhere.write_text(json.dumps({**told, "ca": str(tmp_path / "other" / "authority" / "trusted.pem")}))
    monkeypatch.setenv("EUCORA_OPERATOR_FILE", str(elsewhere))
    result: Any = (await terminal.type("status")).exception
    assert isinstance(result, Turned)
    assert "something else answers" in str(result)
