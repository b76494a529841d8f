"""The examples of docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, signature for signature."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eucora.stores.sigv4 import Credentials, canonical_path, canonical_query, signed_headers

KEYS = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
HOST = "examplebucket.s3.amazonaws.com"


@pytest.mark.parametrize(
    ("method", "key", "query", "headers", "body", "signature"),
    [
        (
            "GET",
            "test.txt",
            {},
            {"range": "bytes=0-9"},
            b"",
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        ),
        (
            "PUT",
            "test$file.text",
            {},
            {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
            b"Welcome to Amazon S3.",
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        ),
        ("GET", "", {"lifecycle": ""}, {}, b"", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        (
            "GET",
            "",
            {"prefix": "J", "max-keys": "2"},
            {},
            b"",
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        ),
    ],
    ids=["get an object", "put an object", "bucket lifecycle", "list objects"],
)
def test_amazons_own_examples_hold(
    method: str, key: str, query: dict[str, str], headers: dict[str, str], body: bytes, signature: str
) -> None:
    signed = signed_headers(method, HOST, canonical_path(key), canonical_query(query), headers, body, KEYS, NOW)
    assert signed["authorization"].endswith(f"Signature={signature}")
    assert signed["authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="
    )


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=4))
def test_a_query_is_ascii_in_order_and_says_each_name_once(query: dict[str, str]) -> None:
    names = [pair.partition("=")[0] for pair in canonical_query(query).split("&")] if query else []
    assert names == sorted(names)
    assert len(names) == len(query)
    assert canonical_query(query).isascii()


def test_credentials_do_not_show_themselves() -> None:
    assert "wJalr" not in repr(KEYS)
