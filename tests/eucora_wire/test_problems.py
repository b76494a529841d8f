"""The registry of refusals: each is a 4xx or 5xx, says how to mend it, and is clear on what becomes of the batch."""

import msgspec
import pytest

from eucora_wire import problems
from eucora_wire.problems import REGISTRY, Document, ItemProblem


@pytest.mark.parametrize("slug", REGISTRY)
def test_every_problem_has_a_title_and_a_mend(slug: str) -> None:
    problem = REGISTRY[slug]
    assert problem.slug == slug
    assert problem.type == f"urn:eucora:problem:{slug}"
    assert 400 <= problem.status < 600
    assert problem.title
    assert problem.mend.endswith(".")


@pytest.mark.parametrize(
    ("status", "slugs"),
    [
        (401, {"unsigned", "bad-signature", "not-signed-in"}),
        (403, {"unknown-device", "revoked-device", "other-installation", "bad-token", "not-allowed"}),
        (409, {"fork", "too-many-devices", "locked"}),
        (413, {"too-large", "inflates-too-much"}),
        (415, {"wrong-content-type", "wrong-content-encoding", "unknown-dictionary"}),
        (429, {"too-many-gaps", "too-fast", "replay-later"}),
        (503, {"journal-unavailable", "disk-reserve", "store-unavailable", "too-many-queries"}),
    ],
)
def test_a_status_that_senders_act_on_means_what_it_says(status: int, slugs: set[str]) -> None:
    assert {slug for slug, problem in REGISTRY.items() if problem.status == status} == slugs


def test_a_batch_that_may_succeed_later_is_never_settled() -> None:
    for problem in REGISTRY.values():
        if problem.status in (401, 403, 409, 429) or problem.status >= 500:
            assert not problem.consumed, problem.slug
            assert not problem.settles, problem.slug


def test_what_is_consumed_is_settled() -> None:
    assert all(problem.settles for problem in REGISTRY.values() if problem.consumed)


@pytest.mark.parametrize(
    "slug",
    [
        "unreadable",
        "unknown-dictionary",
        "too-large",
        "inflates-too-much",
        "schema",
        "nul-character",
        "foreign-device",
    ],
)
def test_a_verdict_on_a_signed_batch_consumes_its_sequence(slug: str) -> None:
    assert REGISTRY[slug].consumed


@pytest.mark.parametrize(
    "slug", ["unknown-device", "revoked-device", "other-installation", "fork", "too-many-gaps", "journal-unavailable"]
)
def test_what_the_design_keeps_is_kept(slug: str) -> None:
    assert not REGISTRY[slug].settles


def test_a_document_carries_the_registrys_words_and_travels_whole() -> None:
    item = ItemProblem(42, problems.BASE + "schema", "$.hardware.cpu", "expected at most 100")
    told = problems.document("schema", "one item", items=(item,))
    assert (told.status, told.consumed, told.mend) == (422, True, REGISTRY["schema"].mend)
    assert msgspec.json.decode(msgspec.json.encode(told), type=Document) == told


def test_a_problem_that_is_not_registered_can_not_be_told() -> None:
    with pytest.raises(KeyError):
        problems.document("no-such-problem")
