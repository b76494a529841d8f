"""One declaration a field, many consequences: each is held here."""

from typing import Annotated, get_args

import msgspec
import pytest
from msgspec import Meta, Struct

from eucora_wire import fields, payload
from eucora_wire.payload import Payload
from eucora_wire.registry import FIELDS, METRICS, Undeclared, schema, walk


def leaves(struct: type[Struct], prefix: str = "") -> set[str]:
    """Every leaf of a type as msgspec itself sees it: an independent walk beside the registry's own."""
    found: set[str] = set()
    for field in msgspec.inspect.type_info(struct).fields:  # type: ignore[attr-defined]
        nested = _struct_below(field.type)
        path = f"{prefix}{field.encode_name}"
        found |= leaves(nested, f"{path}.") if nested else {path}
    return found


def _struct_below(node: msgspec.inspect.Type) -> type[Struct] | None:
    match node:
        case msgspec.inspect.StructType(cls=cls):
            return cls
        case msgspec.inspect.UnionType(types=types):
            return next((found for one in types if (found := _struct_below(one))), None)
        case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.Metadata(type=item):
            return _struct_below(item)
    return None


def test_every_leaf_of_the_contract_is_in_the_registry_and_nothing_else() -> None:
    assert set(FIELDS) == leaves(Payload)
    assert len(FIELDS) > 100


def test_a_field_without_a_declaration_is_found() -> None:
    class Bare(Struct):
        told: Annotated[int, fields.fact("Declared")]
        untold: int

    class Bounded(Struct):
        untold: Annotated[int, Meta(ge=0)]

    for careless in (Bare, Bounded):
        with pytest.raises(Undeclared, match="untold"):
            walk(careless)


def test_every_field_says_what_it_is_and_what_it_is_for() -> None:
    for field in FIELDS.values():
        assert field.about not in ("", field.metric), field.path
        assert field.data in get_args(fields.DataClass), field.path
        assert field.mask in get_args(fields.Mask), field.path
        assert field.retention in get_args(fields.Retention), field.path
        assert field.purposes, field.path
        assert set(field.purposes) <= set(get_args(fields.Purpose)), field.path


def test_what_names_a_person_never_leaves_for_a_model_a_metric_or_a_follower() -> None:
    personal = [field for field in FIELDS.values() if field.data == "personal"]
    assert {field.path for field in personal} == {"device.hostname", "device.serial"}
    for field in personal:
        assert (field.models, field.metric, field.mask) == (False, "", "drop"), field.path


def test_free_text_is_masked_and_kept_from_models() -> None:
    content = [field for field in FIELDS.values() if field.data == "content"]
    assert {"logs.template", "logs.fields", "events.detail", "spans.attributes"} <= {f.path for f in content}
    for field in content:
        assert field.mask in ("text", "path"), field.path
        assert not field.models, field.path
        assert not field.metric, field.path


def test_only_what_says_nothing_of_a_person_may_reach_a_model() -> None:
    assert {field.data for field in FIELDS.values() if field.models} == {"device"}


def test_what_comes_near_to_measuring_a_person_is_off_by_default() -> None:
    off = {field.path for field in FIELDS.values() if not field.collected}
    assert {"apps.apps.used_seconds", "sessions.context.geo", "ux.dpi_events", "ux.unresponsive"} <= off
    assert "hardware.cpu" not in off


def test_every_number_that_is_a_sample_has_a_unit_a_lower_bound_and_a_name_prometheus_takes() -> None:
    for field in METRICS.values():
        assert field.unit, field.path
        assert field.low is not None, field.path
        assert field.metric.replace("_", "").isalnum(), field.path
        assert field.metric == field.metric.lower(), field.path
        assert field.retention == "metrics", field.path


def test_the_seeds_numbers_are_samples() -> None:
    seeds = {f"hardware.{n}" for n in ("cpu", "memory", "disk", "thermal", "battery")}
    seeds |= {"network.latency_ms", "network.throughput_mbps", "agent.queue_depth"}
    assert seeds <= set(METRICS)


def test_no_two_fields_claim_one_metric() -> None:
    names = [field.metric for field in METRICS.values()]
    assert sorted(names) == sorted(set(names))


def test_a_share_is_between_nothing_and_all() -> None:
    for field in METRICS.values():
        if field.metric.endswith("_ratio") and field.path != "hardware.batteries.capacity":
            assert (field.low, field.high) == (0, 100), field.path


def _inside(node: msgspec.inspect.Type, path: str) -> list[tuple[str, msgspec.inspect.Type]]:
    """A type and everything in it, with its path."""
    found = [(path, node)]
    match node:
        case msgspec.inspect.StructType(fields=inner):
            for field in inner:
                found += _inside(field.type, f"{path}.{field.encode_name}")
        case msgspec.inspect.UnionType(types=types):
            for one in types:
                found += _inside(one, path)
        case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.Metadata(type=item):
            found += _inside(item, path)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            found += _inside(key, f"{path}{{}}") + _inside(value, f"{path}{{}}")
    return found


EVERYTHING = _inside(msgspec.inspect.type_info(Payload), "$")


def test_every_list_and_mapping_is_bounded() -> None:
    for path, node in EVERYTHING:
        if isinstance(node, msgspec.inspect.VarTupleType | msgspec.inspect.DictType):
            assert node.max_length, path


def test_every_number_is_bounded_on_both_sides() -> None:
    # The bounds of a histogram are compared, never stored as a number of their own.
    for path, node in EVERYTHING:
        if isinstance(node, msgspec.inspect.IntType | msgspec.inspect.FloatType) and not path.endswith(".bounds"):
            assert node.ge is not None, path
            assert node.le is not None, path


def test_every_text_is_bounded_and_only_free_text_may_hold_control_characters() -> None:
    free = {f"$.{field.path}" for field in FIELDS.values() if field.data == "content"}
    for path, text in EVERYTHING:
        if isinstance(text, msgspec.inspect.StrType):
            assert text.pattern or path.removesuffix("{}") in free, path
            assert text.max_length or (text.pattern and "{" in text.pattern), path


def test_every_time_is_aware_and_in_reach() -> None:
    structs = {node.cls for _, node in EVERYTHING if isinstance(node, msgspec.inspect.StructType)}
    for struct in structs:
        times = [f for f in msgspec.inspect.type_info(struct).fields if _is_time(f.type)]  # type: ignore[attr-defined]
        assert not times or "in_reach" in struct.__post_init__.__code__.co_names, struct  # type: ignore[attr-defined]
    assert all(node.tz for _, node in EVERYTHING if isinstance(node, msgspec.inspect.DateTimeType))


def _is_time(node: msgspec.inspect.Type) -> bool:
    return any(isinstance(inner, msgspec.inspect.DateTimeType) for _, inner in _inside(node, "")[:3])


def test_the_published_schema_is_made_from_the_same_types() -> None:
    made = schema()
    assert made["$ref"] == "#/$defs/Payload"
    assert set(made["$defs"]["Payload"]["properties"]) == set(payload.Payload.__struct_fields__)
    assert made["$defs"]["Payload"]["additionalProperties"] is False
    assert made["$defs"]["Hardware"]["properties"]["cpu"]["anyOf"][0]["maximum"] == 100
