"""What is published is what the types say, and what anyone can check with their own tools."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from docs.generate import PUBLISHED, ROOT, files, openapi, strays

from eucora_wire import envelope, payload, problems
from eucora_wire.payload import Payload
from eucora_wire.registry import FIELDS


def published(name: str) -> Any:
    return json.loads((ROOT / PUBLISHED / name).read_text(encoding="utf-8"))


def test_nothing_generated_has_drifted() -> None:
    drifted = [str(path) for path, text in files().items() if _read(ROOT / path) != text]
    assert drifted == [], "run `make generate`"
    assert strays() == [], "run `make generate`"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""


@pytest.mark.parametrize("name", ["payload-seed", "payload-every-section"])
def test_a_sample_holds_against_the_published_schema_and_the_decoder(name: str) -> None:
    sample = published(f"sample/{name}.json")
    jsonschema_rs.validate(published("schema/payload.json"), sample)
    assert payload.decode(json.dumps(sample).encode())


@pytest.mark.parametrize("name", ["answer", "problem"])
def test_an_answer_holds_against_its_published_schema(name: str) -> None:
    jsonschema_rs.validate(published(f"schema/{name}.json"), published(f"sample/{name}.json"))


def test_one_sample_shows_every_section() -> None:
    assert set(published("sample/payload-every-section.json")) == set(Payload.__struct_fields__)


@pytest.mark.parametrize("wrong", [{"hardware": {"cpu": 250}}, {"weather": "fine"}, {"agent": {"status": "fine"}}])
def test_the_published_schema_refuses_what_the_decoder_refuses(wrong: dict[str, Any]) -> None:
    message = {**published("sample/payload-seed.json"), **wrong}
    assert not jsonschema_rs.is_valid(published("schema/payload.json"), message)


def test_the_schema_tells_unit_metric_and_class_of_a_field() -> None:
    cpu = published("schema/payload.json")["$defs"]["Hardware"]["properties"]["cpu"]["anyOf"][0]
    assert cpu["x-eucora"] == {"unit": "percent", "metric": FIELDS["hardware.cpu"].metric, "class": "device"}


def test_the_sealed_sample_verifies_with_what_stands_beside_it() -> None:
    sample = published("sample/sealed-batch.json")
    key = load_pem_public_key(sample["public_key"].encode())
    assert isinstance(key, Ed25519PublicKey)
    signed = envelope.parse_signed(sample["headers"])
    envelope.verify(signed, key)
    assert signed.base.decode() == sample["signature_base"]
    assert envelope.digest_matches(sample["headers"], sample["body"].encode())


# --- OpenAPI -----------------------------------------------------------------------------------------------------


def test_every_header_that_must_be_signed_is_published() -> None:
    told = openapi.document()["components"]["parameters"]
    assert set(told) == {*envelope.REQUIRED, *envelope.OPTIONAL, "eucora-sent", "signature", "signature-input"} - {
        "content-type"
    }
    assert {name for name, header in told.items() if header["required"]} == set(told) - openapi.OPTIONAL


def test_a_sealed_batch_fits_the_published_headers() -> None:
    told = openapi.document()["components"]["parameters"]
    for name, value in published("sample/sealed-batch.json")["headers"].items():
        assert name == "content-type" or jsonschema_rs.is_valid(told[name]["schema"], value), name


def test_every_refusal_of_the_device_plane_is_published_under_its_status() -> None:
    told = json.dumps(openapi.document()["paths"])
    after_the_answer = {"too-old", "out-of-range", "store-refused"}
    operators = {"not-signed-in", "not-allowed", "unknown", "too-many-devices", "store-unavailable", "locked"}
    operators |= {"query-too-slow", "query-too-large", "too-many-queries"}
    for slug in set(problems.REGISTRY) - after_the_answer - operators:
        assert f"`{slug}`" in told, slug


def test_all_references_of_the_document_lead_somewhere() -> None:
    document = openapi.document()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                _, _, kind, name = node["$ref"].split("/")
                assert name in document["components"][kind], node["$ref"]
            for inner in node.values():
                walk(inner)
        elif isinstance(node, list):
            for inner in node:
                walk(inner)

    walk(document)
