"""A bundle tells how the platform stands, and nobody's name, no secret, nothing that a device said."""

import io
import json
import tarfile
import uuid
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from tests.eucora.line import Line
from tests.eucora.operators.conftest import Plane, PlantDevice

from eucora.operators.support import plain, said
from eucora.settings import Settings
from eucora_wire.payload import Payload
from eucora_wire.sections.logs import Line as Log

PLANTED = ("anna-laptop", "SN-4711", "hunter2", "customer.example", "Müller wrote this", "ThinkPad X1")


async def unpacked(plane: Plane) -> dict[str, str]:
    answer = await plane.ask("GET", "/support")
    assert answer.status_code == 200, answer.text
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        return {m.name.rpartition("/")[2]: tar.extractfile(m).read().decode() for m in tar.getmembers()}  # type: ignore[union-attr]


async def test_what_was_planted_is_in_no_file_and_the_manifest_names_each(
    plane: Plane, line: Line, plant: PlantDevice
) -> None:
    laptop, now = await plant(), datetime.now(UTC)
    device = await line.enrol(laptop.device_id)
    logs = (Log(uuid.uuid4(), now, "notes", "Müller wrote this"),)
    await line.append(device.batch([Payload(device_id=device.id, timestamp=now, logs=logs)]))
    await line.digest()
    folder = plane.house.settings.data_dir / "logs"
    folder.mkdir()
    (folder / "api.log").write_text(
        json.dumps(
            {"event": "request_failed", "level": "error", "fault": "KeyError", "path": "/anna-laptop", "timestamp": "t"}
        )
        + "\nFATAL: password of hunter2 is wrong\n"
    )
    urls = {"metrics_url": "https://eve:hunter2@customer.example:9090", "public_names": "customer.example"}
    plane.reassemble(settings=msgspec.structs.replace(plane.house.settings, **urls))
    files = await unpacked(plane)
    for name, text in files.items():
        hidden = (*PLANTED, str(laptop.device_id), plane.token, str(plane.house.settings.data_dir))
        assert [word for word in hidden if word in text] == [], name
    assert set(json.loads(files["manifest.json"])) == set(files) - {"manifest.json"}
    assert json.loads(files["settings.json"])["metrics_url"] == "https://…:9090"
    assert "event=request_failed fault=KeyError level=error" in files["logs.json"]
    assert any(row["table"] == "devices" for row in json.loads(files["tables.json"]))
    (event,) = await plane.acts("support.bundled")
    assert event["class"] == "administration"


def test_settings_that_are_as_shipped_are_left_out_and_paths_are_not_told() -> None:
    assert plain(Settings(data_dir=Path("/home/anna"), shards=4)) == {"data_dir": "set", "shards": 4}


def test_logs_are_counts_of_what_the_code_says(tmp_path: Path) -> None:
    lines = [{"event": "job_failed", "job": "sweep", "timestamp": f"2026-11-26T12:0{n}"} for n in range(3)]
    (tmp_path / "pipeline.log").write_text("\n".join(map(json.dumps, lines)))
    assert said(tmp_path) == {"pipeline.log": [["2026-11-26T12:02", 3, "event=job_failed job=sweep"]]}
