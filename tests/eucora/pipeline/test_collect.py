"""Stage 1: headers become values, or are refused by the name of what is wrong, before anything is computed."""

import pytest
from tests.eucora.pipeline.batches import BOOT, NOW_MS, SENT, a_payload, a_seal, arrival, without

from eucora.pipeline.collect import Arrival, Opened, collect, open_one
from eucora.problems import Refused
from eucora_wire.clock import Boot, Sent
from eucora_wire.envelope import OPTIONAL, REQUIRED
from eucora_wire.payload import encode_one

BODY = encode_one(a_payload())


def refused(given: Arrival) -> Refused:
    with pytest.raises(Refused) as told:
        open_one(given)
    return told.value


def test_a_good_arrival_is_opened_as_it_was_sealed() -> None:
    given = arrival(BODY)
    opened = open_one(given)
    assert opened.arrival is given
    assert opened.seal == a_seal()
    assert opened.sent == Sent(Boot(BOOT, 1_000_000), NOW_MS)


def test_without_a_word_on_sending_it_is_opened_too() -> None:
    assert open_one(without(arrival(BODY), "eucora-sent")).sent is None


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_a_content_type_may_be_written_in_its_other_ways(content_type: str) -> None:
    assert isinstance(open_one(arrival(BODY, content_type=content_type)), Opened)


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/jsonx", "application/json-patch+json", "x/json"]
)
def test_another_content_type_is_refused(content_type: str) -> None:
    assert refused(arrival(BODY, content_type=content_type)).slug == "wrong-content-type"


@pytest.mark.parametrize("encoding", ["br", "zstd, gzip", "ZSTD", "deflate", ""])
def test_another_content_encoding_is_refused(encoding: str) -> None:
    assert refused(arrival(BODY, content_encoding=encoding)).slug == "wrong-content-encoding"


@pytest.mark.parametrize("schema", ["0.9", "2.0", "1", "1.0 ", "one"])
def test_a_schema_that_is_not_accepted_is_told_what_is(schema: str) -> None:
    told = refused(arrival(BODY, a_seal(schema=schema)))
    assert (told.slug, told.document.detail) == ("unsupported-schema", "accepted: 1.0")


@pytest.mark.parametrize("name", [name for name in REQUIRED if name != "content-type"])
def test_a_missing_header_is_named(name: str) -> None:
    told = refused(without(arrival(BODY), name))
    assert (told.slug, told.document.detail) == ("bad-header", name)


@pytest.mark.parametrize("name", ["signature", "signature-input"])
def test_without_either_half_of_the_signature_it_is_unsigned(name: str) -> None:
    assert refused(without(arrival(BODY), name)).slug == "unsigned"


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_header_of_ours_that_is_not_covered_is_unsigned(name: str) -> None:
    assert refused(arrival(BODY, **{name: "1"})).slug == "unsigned"


@pytest.mark.parametrize("sent", ["", "now", SENT + " ", SENT.replace(";w", ""), "é" * 36 + ";t=1;w=1"])
def test_a_malformed_word_on_sending_is_named(sent: str) -> None:
    told = refused(arrival(BODY, eucora_sent=sent))
    assert (told.slug, told.document.detail) == ("bad-header", "eucora-sent")


def test_each_arrival_has_its_result_in_its_place() -> None:
    good, bad = arrival(BODY), arrival(BODY, content_type="text/plain")
    results = collect([good, bad, good])
    assert [isinstance(result, Opened) for result in results] == [True, False, True]
    assert isinstance(results[1], Refused)


def test_a_refusal_repeats_no_value() -> None:
    for name in ("eucora-policy", "eucora-device", "eucora-boot"):
        assert "secret" not in str(refused(arrival(BODY, **{name: "secret"})).document)
