"""What becomes of each batch before the journal: what goes on, what is turned away, and from which device it came."""

from tests.eucora.pipeline.batches import DEVICE, a_payload, a_seal, arrival, rules, signer

from eucora.batch import Checked
from eucora.pipeline.collect import collect
from eucora.pipeline.intake import Turned, turned
from eucora.pipeline.validate import validate
from eucora.problems import Refused
from eucora_wire.payload import encode_one

BODY = encode_one(a_payload())


def judged(*arrivals: object, known: object = None) -> list[Checked | Turned]:
    opened = collect(arrivals)  # type: ignore[arg-type]
    keys = signer() if known is None else known
    return turned(opened, keys, validate(opened, keys, rules()))  # type: ignore[arg-type]


def test_results_stand_in_the_order_of_arrival() -> None:
    good, bad = arrival(BODY), arrival(BODY, eucora_sequence="2")
    assert [type(each) for each in judged(good, bad, good)] == [Checked, Turned, Checked]


def test_the_device_is_named_when_its_key_is_known_and_only_then() -> None:
    (forged,) = judged(arrival(BODY, eucora_sequence="2"))
    (unknown,) = judged(arrival(BODY), known={})
    (unread,) = judged(arrival(BODY, content_type="text/plain"))
    assert isinstance(forged, Turned)
    assert forged.device == DEVICE
    assert [(each.device, type(each.reason)) for each in (unknown, unread) if isinstance(each, Turned)] == [
        (None, Refused),
        (None, Refused),
    ]


def test_a_batch_with_a_verdict_goes_on_to_the_journal() -> None:
    (found,) = judged(arrival(b"{", a_seal()))
    assert isinstance(found, Checked)
    assert found.verdict is not None
