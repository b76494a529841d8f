"""Connections to PostgreSQL, and its failures in the house's words. A session's settings never change after connecting."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from eucora.problems import Misconfigured, TryLater
from eucora.slice import Pool

# synchronous_commit: whatever the server's file says, who wants less says so in his transaction.
# idle_in_transaction: a stopped process gives its locks back, and writes nothing when it wakes.
# enable_seqscan: a plan made while today's partition was empty would read it whole, and is kept while it fills.
SESSION = {
    "timezone": "UTC",
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": "20s",
    "enable_seqscan": "off",
    "jit": "off",
}
CONNECT_S = 5.0
COMMAND_S = 60.0

_WRONG_URL = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.exceptions.ClientConfigurationError,
    ssl.SSLCertVerificationError,
)
_PASSING = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,  # a session that was cut between two statements: "cannot switch to state …"
    OSError,
    TimeoutError,
)


async def open_pool(url: str, *, name: str, least: int = 1, most: int = 8) -> Pool:
    """Connections of one role. Raises Misconfigured for a URL that can't work, TryLater when the server is away."""
    try:
        with translated():
            return await asyncpg.create_pool(
                url,
                min_size=least,
                max_size=most,
                timeout=CONNECT_S,
                command_timeout=COMMAND_S,
                reset=_keep,
                server_settings={**SESSION, "application_name": f"eucora-{name}"},
            )
    except _WRONG_URL as exc:
        raise Misconfigured(f"PostgreSQL does not let {name} in: {exc}; mend the EUCORA_POSTGRES_*URL") from exc


@contextmanager
def translated() -> Iterator[None]:
    """Raises TryLater for every failure that passes by itself; what a statement did wrong stays as it is."""
    try:
        yield
    except _WRONG_URL:
        raise
    except _PASSING as exc:
        raise TryLater("journal-unavailable", type(exc).__name__) from exc
    except asyncpg.InterfaceError as exc:
        if isinstance(exc, ValueError):  # asyncpg.DataError: a parameter of the wrong type
            raise
        raise TryLater("journal-unavailable", type(exc).__name__) from exc


async def _keep(connection: Any) -> None:
    """No RESET ALL when a connection comes back: a round trip that would undo nothing. An open transaction is undone."""
