"""A bad item never hides a good one, is named by its ordinal and path, and no value is repeated about it."""

import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.eucora.memory import forget_peak, peak
from tests.eucora.pipeline.batches import DEVICE, NOW, STREAM, a_payload, a_seal

from eucora.ids import dead_letter_id
from eucora.pipeline import items
from eucora.pipeline.items import judge_items
from eucora_wire.payload import encode, encode_one
from eucora_wire.problems import BASE, ItemProblem
from eucora_wire.sections.hardware import Hardware
from eucora_wire.sections.sessions import Session
from eucora_wire.sections.software import Package, Software
from eucora_wire.sequence import Items, Tombstone

GOOD = encode_one(a_payload())
SUBJECT = uuid.UUID(int=77)


def the_fault(body: bytes, **seal: Any) -> ItemProblem:
    """The only fault of a body's only bad item."""
    verdict = judge_items(body, a_seal(**seal))
    assert verdict is not None
    assert verdict.slug == ""
    (found,) = verdict.items
    return found


def slug(found: ItemProblem) -> str:
    return found.type.removeprefix(BASE)


def spoilt(**fields: Any) -> bytes:
    """A good payload with fields put in as they are."""
    return msgspec.json.encode({**msgspec.json.decode(GOOD), **fields})


def test_a_good_item_alone_or_in_an_array_has_no_verdict() -> None:
    assert judge_items(GOOD, a_seal()) is None
    assert judge_items(b"[" + GOOD + b"]", a_seal()) is None
    assert judge_items(b" \n[" + GOOD + b", " + GOOD + b" ] ", a_seal(2)) is None


@given(bad=st.sets(st.integers(0, 19)))
def test_exactly_the_bad_items_are_named_by_their_ordinals(bad: set[int]) -> None:
    bodies = [spoilt(hardware={"cpu": 250}) if n in bad else GOOD for n in range(20)]
    verdict = judge_items(b"[" + b",".join(bodies) + b"]", a_seal(items=Items(101, 120)))
    named = {found.item - 101 for found in verdict.items} if verdict else set()
    assert named == bad
    for found in verdict.items if verdict else ():
        assert (slug(found), found.path) == ("schema", "$.hardware.cpu")
        assert found.dead_letter == str(dead_letter_id(STREAM, found.item))


def test_ordinals_skip_what_stands_as_a_tombstone() -> None:
    seal = a_seal(items=Items(5, 9, (Tombstone(6, 7, "shed"),)))
    verdict = judge_items(b"[" + GOOD + b"," + spoilt(x=1) + b"," + GOOD + b"]", seal)
    assert verdict is not None
    assert [found.item for found in verdict.items] == [8]


@pytest.mark.parametrize("count", [1, 3])
def test_more_or_fewer_items_than_accounted_for_is_a_fault_of_the_whole(count: int) -> None:
    verdict = judge_items(encode([a_payload(), a_payload()]), a_seal(count))
    assert verdict is not None
    assert (verdict.slug, verdict.items) == ("items-mismatch", ())


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"hardware": {"cpu": 250}}, "$.hardware.cpu"),
        ({"hardware": {"cpu": -1}}, "$.hardware.cpu"),
        ({"hardware": {"cpu": "12"}}, "$.hardware.cpu"),
        ({"timestamp": "yesterday"}, "$.timestamp"),
        ({"timestamp": "2026-06-01T12:00:00"}, "$.timestamp"),
        ({"device_id": "me"}, "$.device_id"),
        ({"agent": {"version": "1", "queue_depth": 0, "status": "sleepy"}}, "$.agent.status"),
        ({"software": {"packages": [{"name": "a", "version": "1"}, {"name": "", "version": "1"}]}},
         "$.software.packages[1].name"),
    ],
)  # fmt: skip
def test_a_field_that_breaks_the_schema_is_named_by_its_path(fields: dict[str, Any], path: str) -> None:
    found = the_fault(spoilt(**fields))
    assert (slug(found), found.path) == ("schema", path)


@pytest.mark.parametrize("number", [b"1e400", b"1" * 400, b"NaN", b"Infinity", b"0x10", b"1_000"])
def test_a_number_beyond_all_bounds_is_refused(number: bytes) -> None:
    verdict = judge_items(GOOD.replace(b"12.5", number), a_seal())
    assert verdict is not None
    assert verdict.slug == "unreadable" or slug(verdict.items[0]) in ("schema", "unreadable")


def test_an_item_that_is_no_object_is_a_fault_of_that_item() -> None:
    verdict = judge_items(b"[" + GOOD + b",7," + GOOD + b"]", a_seal(3))
    assert verdict is not None
    assert [(found.item, slug(found)) for found in verdict.items] == [(2, "schema")]


# --- whose it is ----------------------------------------------------------------------------------------------------


def test_another_devices_payload_is_refused_and_one_of_our_own_beside_it_is_not() -> None:
    verdict = judge_items(encode([a_payload(device_id=uuid.uuid4()), a_payload()]), a_seal(2))
    assert verdict is not None
    assert [(found.item, slug(found), found.path) for found in verdict.items] == [(1, "foreign-device", "$.device_id")]


@pytest.mark.parametrize(("said", "sealed"), [(SUBJECT, None), (SUBJECT, uuid.UUID(int=78))])
def test_another_subject_than_the_batchs_is_refused(said: uuid.UUID, sealed: uuid.UUID | None) -> None:
    found = the_fault(encode_one(a_payload(user_id=said)), subject=sealed)
    assert (slug(found), found.path) == ("foreign-subject", "$.user_id")


def test_the_batchs_own_subject_or_none_is_good() -> None:
    assert judge_items(encode_one(a_payload(user_id=SUBJECT)), a_seal(subject=SUBJECT)) is None
    assert judge_items(encode_one(a_payload()), a_seal(subject=SUBJECT)) is None


@pytest.mark.parametrize(
    ("device", "user", "told"),
    [(uuid.UUID(int=9), SUBJECT, "foreign-device"), (DEVICE, uuid.UUID(int=9), "foreign-subject")],
)
def test_a_session_is_of_this_device_and_of_this_person(device: uuid.UUID, user: uuid.UUID, told: str) -> None:
    session = Session(session_id=uuid.uuid4(), user_id=user, device_id=device, start=NOW)
    assert slug(the_fault(encode_one(a_payload(sessions=(session,))), subject=SUBJECT)) == told


# --- NUL ------------------------------------------------------------------------------------------------------------


def test_a_nul_is_found_where_it_stands() -> None:
    packages = (Package(name="bash", version="5"), Package(name="ba\x00sh", version="5"))
    found = the_fault(encode_one(a_payload(software=Software(packages=packages))))
    assert (slug(found), found.path, found.detail) == ("nul-character", "$.software.packages[1].name", "")


def test_a_nul_in_a_key_is_found_without_naming_the_key() -> None:
    found = the_fault(spoilt(withheld={"a\x00b": 1}))
    assert (slug(found), found.path) == ("nul-character", "$.withheld")


def test_the_text_backslash_u0000_is_no_nul() -> None:
    event = {"id": str(uuid.uuid4()), "time": "2026-06-01T12:00:00Z", "severity": "info", "text": r"path C:\u0000 x"}
    assert judge_items(spoilt(logs=[event]), a_seal()) is None or slug(the_fault(spoilt(logs=[event]))) == "schema"


@settings(max_examples=40)
@given(before=st.text(max_size=8), after=st.text(max_size=8), slashes=st.integers(0, 5))
def test_a_nul_is_found_in_a_large_item_as_in_a_small_one(before: str, after: str, slashes: int) -> None:
    item = msgspec.json.encode({"a": before + "\\" * slashes + "u0000" + after, "b": before + after})
    for body in (item, item.replace(b"u0000", b"\\u0000")):
        try:
            small = items._path_of_nul(body)
        except msgspec.DecodeError:
            continue
        large = body[:-1] + b',"c":"' + b"x" * items.APART + b'"}'
        assert (items._path_of_nul(large) is not None) == (small is not None)


# --- bounds ---------------------------------------------------------------------------------------------------------

MIB32 = 32 * 2**20
SHORT = {
    "numbers": b"[" + b"1," * (MIB32 // 2 - 2) + b"1]",
    "empty objects": b"[" + b"{}," * (MIB32 // 3 - 2) + b"{}]",
    "empty lists beside a NUL": b'{"a":"\\u0000","b":[' + b"[]," * (MIB32 // 3 - 20) + b"[]]}",
    "empty lists": b'{"b":[' + b"[]," * (MIB32 // 3 - 20) + b"[]]}",
}


@pytest.mark.parametrize("kind", SHORT)
def test_a_body_of_millions_of_short_values_is_refused_without_unfolding_them(kind: str) -> None:
    """32 MiB of JSON is allowed; as Python objects the same would be a gigabyte."""
    before = forget_peak()
    assert judge_items(SHORT[kind], a_seal()) is not None
    assert peak() - before < 400 * 2**20


def test_a_large_body_with_one_bad_item_keeps_its_good_ones() -> None:
    packages = tuple(Package(name=f"package-{n}", version="1.0") for n in range(15_000))
    large = encode_one(a_payload(software=Software(packages=packages)))
    body = b"[" + b",".join([large, spoilt(hardware={"cpu": 250}), large, large]) + b"]"
    assert len(body) > items.APART
    verdict = judge_items(body, a_seal(4))
    assert verdict is not None
    assert [(found.item, slug(found)) for found in verdict.items] == [(2, "schema")]


def test_a_payload_with_a_hot_sensor_in_every_bound_passes() -> None:
    assert judge_items(encode_one(a_payload(hardware=Hardware(cpu=100, memory=0))), a_seal()) is None
