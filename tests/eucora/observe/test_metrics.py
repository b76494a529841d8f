"""What is declared can be read: names by one grammar, values and labels as a scraper's own parser gives them back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from eucora.observe.metrics import GRAMMAR, SEED, Declared, Sample, written
from eucora.pipeline.metrics import DECLARED

GAUGE = Declared("eucora_door_items", "gauge", 'Said "so" in two\nlines', ("reason",))
COUNTER = Declared("eucora_door_items_total", "counter", "Counted", ("reason",))
values = st.floats(allow_nan=False) | st.integers(-(2**53), 2**53)


@pytest.mark.parametrize("metric", DECLARED, ids=lambda metric: metric.name)
def test_a_name_says_room_noun_and_unit(metric: Declared) -> None:
    assert GRAMMAR.fullmatch(metric.name) or metric.name in SEED
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not {"device", "subject", "user", "host"} & set(metric.labels)


def test_no_two_have_one_name() -> None:
    assert len({metric.name for metric in DECLARED}) == len(DECLARED)


labels = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('"\\\n'))


@given(st.dictionaries(labels, values, min_size=1), st.sampled_from((GAUGE, COUNTER)))
def test_what_is_written_is_read_back_whatever_stands_in_a_label(told: dict[str, float], metric: Declared) -> None:
    text = written([Sample(metric, value, (label,)) for label, value in told.items()]).decode()
    (family,) = text_string_to_metric_families(text)
    found = {sample.labels["reason"]: sample.value for sample in family.samples if sample.name == metric.name}
    assert found.keys() == told.keys()
    assert all(math.isclose(found[label], value) for label, value in told.items())


def test_a_histogram_is_written_as_prometheus_counts_it() -> None:
    told = Declared("eucora_stage_seconds", "histogram", "Turns", ("stage",), (0.1, 1.0))
    text = written([Sample(told, 2.5, ("store",), (3.0, 1.0, 2.0))]).decode()
    (family,) = text_string_to_metric_families(text)
    found = {(s.name.removeprefix("eucora_stage_seconds"), s.labels.get("le")): s.value for s in family.samples}
    assert found == {
        ("_bucket", "0.1"): 3.0,
        ("_bucket", "1.0"): 4.0,
        ("_bucket", "+Inf"): 6.0,
        ("_count", None): 6.0,
        ("_sum", None): 2.5,
    }
