import pytest

from eucora.problems import Misconfigured
from eucora.stores.endpoints import require_tls_beyond_loopback


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@127.0.0.1:5432/eucora",
        "postgresql://u:p@localhost/eucora",
        "postgresql://u:p@[::1]:5432/eucora?sslmode=disable",
        "postgresql://u:p@/eucora?host=%2Frun%2Fpostgres&port=5433",
        "postgresql://u:p@db.example:5432/eucora?sslmode=verify-full&sslrootcert=/etc/ca.pem",
        "postgres://u:p@a.example,b.example/eucora?sslmode=verify-full",
        "redis://:p@127.0.0.1:6379/0",
        "rediss://:p@cache.example:6379/0",
        "rediss://:p@cache.example:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/ca.pem",
        "http://127.0.0.2:9000",
        "https://s3.example",
        "grpc://127.0.0.1:4317",
        "grpcs://traces.example:4317",
    ],
)
def test_this_machine_and_verified_tls_are_let_through(url: str) -> None:
    require_tls_beyond_loopback(url)


@pytest.mark.parametrize(
    ("url", "mend"),
    [
        ("postgresql://u:hush@db.example/eucora", "sslmode=verify-full"),
        ("postgresql://u:hush@db.example/eucora?sslmode=require", "sslmode=verify-full"),
        ("postgresql://u:hush@db.example/eucora?sslmode=verify-full&sslmode=disable", "sslmode=verify-full"),
        ("postgresql://u:hush@/eucora?host=db.example", "sslmode=verify-full"),
        ("postgresql://u:hush@127.0.0.1/eucora?host=db.example", "sslmode=verify-full"),
        ("postgresql://u:hush@127.0.0.1,db.example/eucora", "sslmode=verify-full"),
        ("postgresql://u:hush@localhost.evil.example/eucora", "sslmode=verify-full"),
        ("postgresql://u:hush@[2001:db8::1]:5432/eucora", "sslmode=verify-full"),
        ("redis://:hush@cache.example:6379", "rediss://"),
        ("rediss://:hush@cache.example:6379?ssl_cert_reqs=none", "leave out ssl_cert_reqs"),
        ("rediss://:hush@cache.example:6379?ssl_check_hostname=False", "leave out ssl_cert_reqs"),
        ("http://s3.example", "https://"),
        ("http://127.0.0.1@s3.example", "https://"),
        ("http://10.0.0.1:9000", "https://"),
        ("grpc://traces.example:4317", "grpcs://"),
    ],
)
def test_anything_else_beyond_this_machine_is_refused_with_the_mend(url: str, mend: str) -> None:
    with pytest.raises(Misconfigured) as told:
        require_tls_beyond_loopback(url, "EUCORA_X_URL")
    assert str(told.value).startswith("EUCORA_X_URL leaves this machine without verified TLS: ")
    assert mend in str(told.value)
    assert "hush" not in str(told.value)


@pytest.mark.parametrize(
    "url", ["", "ftp://s3.example", "s3.example", "https://", "postgresql:///eucora", "http://[::1"]
)
def test_what_is_no_url_of_a_store_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"^the URL of a store "):
        require_tls_beyond_loopback(url)
