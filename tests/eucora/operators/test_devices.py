"""Devices found and read: masked by default, shown for a purpose, and then it is in the trail."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.eucora.operators.conftest import Laptop, Plane, PlantDevice, plant_samples

from eucora.domains.identity.accounts import seal_account
from eucora.sealing import pseudonym
from eucora_wire.answer import Account


async def found(plane: Plane, q: str) -> list[str]:
    return [device["device_id"] for device in (await plane.get("/devices", q=q))["items"]]


async def plant_person(plane: Plane, laptop: Laptop, name: str) -> uuid.UUID:
    user = uuid.uuid4()
    key = (await plane.house.keyring.ensure([("subject", user)]))["subject", user]
    account = Account(name=name)
    await plane.house.pool.execute(
        "INSERT INTO users (user_id, account_pseudonym, account_sealed, key_no) VALUES ($1, $2, $3, $4)",
        user,
        pseudonym(plane.house.secrets.pseudonym, "account", name),
        seal_account(key, user, account),
        key.key_no,
    )
    await plane.house.pool.execute("INSERT INTO subjects (subject, user_id) VALUES ($1, $1)", user)
    await plane.house.pool.execute(
        "INSERT INTO device_user_map (user_id, device_id, slot) VALUES ($1, $2, 1)", user, laptop.device_id
    )
    return user


async def test_a_device_is_found_by_each_of_its_properties(plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    await plant(hostname="bob-desktop", serial="SN-1", model="OptiPlex", os_name="Windows 11", os_family="windows")
    mine = [str(laptop.device_id)]
    for q in (
        "host:anna-laptop", "host:ANNA-LAPTOP", "serial:sn-4711", "model:thinkpad", 'model:"ThinkPad X"', "os:deb",
        "anna-laptop", "SN-4711", "debian", "thinkpad", f"id:{mine[0][:13]}", "state:enrolled model:think host:anna-laptop",
    ):  # fmt: skip
        assert await found(plane, q) == mine, q
    for q in ("host:anna", "serial:SN", "model:pad", "os:linux11", "package:ssl", "model:think os:win", "id:zz"):
        assert await found(plane, q) == [], q
    assert len(await found(plane, "package:openssl")) == len(await found(plane, "")) == 2
    assert await found(plane, "%") == await found(plane, "model:_hinkpad") == []


async def test_names_are_masked_until_they_are_asked_for_with_a_purpose(plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    path = f"/devices/{laptop.device_id}"
    masked = await plane.ask("GET", path)
    assert laptop.hostname not in masked.text
    assert (masked.json()["masked"], masked.json()["packages"]) == (True, 3)
    assert (await plane.ask("GET", path, params={"personal": True})).status_code == 400
    assert await plane.acts("device.read") == []
    shown = await plane.get(path, personal=True, purpose="ticket 17")
    assert (shown["hostname"], shown["serial"], shown["masked"]) == ("anna-laptop", "SN-4711", False)
    listed = await plane.get("/devices", personal=True, purpose="stock-taking")
    assert [device["hostname"] for device in listed["items"]] == ["anna-laptop"]
    for act, purpose in (("device.read", "ticket 17"), ("devices.read", "stock-taking")):
        event = (await plane.acts(act))[0]
        assert (event["purpose"], event["devices"], event["origin"]) == (purpose, [str(laptop.device_id)], "192.0.2.7")
        assert (event["class"], event["outcome"]) == ("personal", "done")


async def test_who_may_read_devices_may_not_read_names(plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    token = await plane.token_for("devices.read")
    answer = await plane.ask("GET", f"/devices/{laptop.device_id}?personal=true&purpose=curious", token)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:eucora:problem:not-allowed")
    assert (await plane.acts("access.refused"))[0]["detail"]["permission"] == "personal.read"


async def test_a_user_s_devices_are_found_and_the_search_is_recorded_by_pseudonym(
    plane: Plane, plant: PlantDevice
) -> None:
    laptop = await plant()
    user = await plant_person(plane, laptop, "anna.smith")
    assert await found(plane, "user:ANNA.SMITH") == [str(laptop.device_id)]
    assert await found(plane, "user:anna") == []
    nobody, hers = await plane.acts("person.searched")
    assert (hers["subject"], hers["devices"], nobody["subject"]) == (str(user), [str(laptop.device_id)], None)
    rows: list[Any] = await plane.house.pool.fetch("SELECT e::text AS text FROM audit_events e")
    assert not any("anna" in row["text"].lower() for row in rows)
    shown = await plane.get(f"/devices/{laptop.device_id}", personal=True, purpose="ticket 17")
    assert shown["users"][0]["account"] == "anna.smith"
    assert (await plane.get(f"/devices/{laptop.device_id}"))["users"][0]["account"] is None


async def test_a_person_is_forgotten_and_the_trail_stays_whole(plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    user = await plant_person(plane, laptop, "anna.smith")
    answer = await plane.ask("POST", f"/subjects/{user}/forget", json={"purpose": "request 1"})
    assert (answer.status_code, answer.json()["keys"]) == (200, 1)
    assert await found(plane, "user:anna.smith") == []
    shown = await plane.get(f"/devices/{laptop.device_id}", personal=True, purpose="ticket 17")
    assert shown["users"] == []
    assert (await plane.acts("subject.forgotten"))[0]["subject"] == str(user)
    assert (await plane.get("/audit/verify"))["whole"]


async def test_pages_hold_everything_once(plane: Plane, plant: PlantDevice) -> None:
    planted = sorted([str((await plant(hostname=f"h{n}", serial=f"s{n}")).device_id) for n in range(7)])
    seen: list[str] = []
    after: str | None = None
    while True:
        page = await plane.get("/devices", limit=3, **({"after": after} if after else {}))
        assert len(page["items"]) <= 3
        seen += [device["device_id"] for device in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert seen == planted
    first = await plane.get(f"/devices/{planted[0]}/software", limit=2)
    rest = await plane.get(f"/devices/{planted[0]}/software", limit=2, after=first["next"])
    assert [p["name"] for p in first["items"] + rest["items"]] == ["bash", "openssl", "zlib1g"]
    assert rest["next"] is None


async def test_a_series_is_told_in_its_canonical_unit(plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    await plant_samples(plane, laptop.device_id, [0.1, 0.2, 0.3])
    for path in ("cpu", "hardware.cpu"):
        told = await plane.get(f"/devices/{laptop.device_id}/series", path=path, since="1h")
        assert ([v for _, v in told["points"]], told["unit"]) == ([0.1, 0.2, 0.3], "ratio")
    begin = datetime.fromisoformat(told["points"][1][0]).astimezone(UTC).isoformat()
    later = await plane.get(f"/devices/{laptop.device_id}/series", path="cpu", since=begin)
    assert [v for _, v in later["points"]] == [0.2, 0.3]
    whole = await plane.get(f"/devices/{laptop.device_id}")
    assert [(v["metric"], v["value"]) for v in whole["latest"]["values"]] == [("system_cpu_utilization_ratio", 0.3)]


@pytest.mark.parametrize("what", ["lines", "changes", "crashes", "facts"])
async def test_a_device_without_any_has_an_empty_list(plane: Plane, plant: PlantDevice, what: str) -> None:
    laptop = await plant()
    told = await plane.get(f"/devices/{laptop.device_id}/{what}")
    assert told == ([] if what == "facts" else {"items": [], "next": None})


async def test_a_revoked_device_is_revoked_once(plane: Plane, plant: PlantDevice) -> None:
    laptop = await plant()
    path = f"/devices/{laptop.device_id}/revoke"
    assert (await plane.ask("POST", path, json={"purpose": "lost"})).status_code == 204
    assert (await plane.ask("POST", path, json={})).status_code == 404
    assert (await plane.get(f"/devices/{laptop.device_id}"))["state"] == "revoked"
    assert await found(plane, "state:revoked") == [str(laptop.device_id)]
    event = (await plane.acts("device.revoked"))[0]
    assert (event["devices"], event["purpose"]) == ([str(laptop.device_id)], "lost")


async def test_a_device_belongs_to_a_site_by_its_token_or_as_an_operator_says_and_its_past_is_kept(
    plane: Plane, plant: PlantDevice
) -> None:
    laptop = await plant()
    path = f"/devices/{laptop.device_id}"
    for site in ("Lyon", "Bangalore"):
        moved = await plane.ask("POST", f"{path}/site", json={"site": site, "purpose": "moves house"})
        assert moved.status_code == 200, moved.text
    assert [d["site"] for d in (await plane.get("/devices", q="site:bang"))["items"]] == ["Bangalore"]
    assert (await plane.get("/devices", q="site:lyon"))["items"] == []
    facts = [f for f in await plane.get(f"{path}/facts") if f["attribute"] == "site"]
    assert [(f["value"], f["valid_to"] is None) for f in facts] == [("Lyon", False), ("Bangalore", True)]
    assert [e["detail"]["site"] for e in await plane.acts("device.moved")] == ["Bangalore", "Lyon"]
    unknown = "/devices/00000000-0000-4000-8000-000000000000/site"
    assert (await plane.ask("POST", unknown, json={"site": "Lyon"})).status_code == 404
    assert (await plane.ask("POST", f"{path}/site", json={"site": ""})).status_code == 400


async def plant_drift(
    plane: Plane, laptop: Laptop, section: str, drifted: datetime | None, healed: datetime | None
) -> None:
    await plane.house.pool.execute(
        "INSERT INTO state_told (device, section, digest, whole, order_stream, order_item, event_time, received_at,"
        " drifted_at, healed_at, resync) VALUES ($1, $2, '', false, 1, 1, now(), now(), $3, $4, $5)",
        laptop.device_id, section, drifted, healed, drifted is not None,
    )  # fmt: skip


async def test_what_is_held_otherwise_than_it_was_told_stands_with_the_device_and_is_a_trouble_when_it_lasts(
    plane: Plane, plant: PlantDevice
) -> None:
    laptop, since = await plant(), datetime.now(UTC).replace(microsecond=0)
    await plant_drift(plane, laptop, "software", since, None)
    await plant_drift(plane, laptop, "device", None, since)
    await plant_drift(plane, laptop, "sessions", None, None)
    at = since.isoformat().replace("+00:00", "Z")
    assert (await plane.get(f"/devices/{laptop.device_id}"))["drift"] == [
        {"section": "device", "drifted_at": None, "healed_at": at, "resync": False},
        {"section": "software", "drifted_at": at, "healed_at": None, "resync": True},
    ]

    async def troubled() -> list[str]:
        return [each["what"] for each in (await plane.get("/status"))["troubles"] if each["name"] == "state-drift"]

    assert await troubled() == []
    await plane.house.pool.execute("UPDATE state_told SET drifted_at = now() - interval '1 hour' WHERE resync")
    (what,) = await troubled()
    assert "held of 1 device is not what was told" in what
