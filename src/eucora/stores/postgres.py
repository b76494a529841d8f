"""Connections to PostgreSQL, and its failures in the house's words. A session's settings never change after connecting."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import structlog

from eucora.problems import Misconfigured, TryLater
from eucora.slice import Pool

log = structlog.get_logger()

# synchronous_commit: whatever the server's file says, who wants less says so in his transaction.
# idle_in_transaction: a stopped process gives its locks back, and writes nothing when it wakes (in a COPY: `cut_off`).
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

# A COPY that waits for its client is neither idle nor, to the server's timeouts, at work: none of them ends it.
ASLEEP_S = 20.0
_CUT_OFF = """
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE usename = current_user AND datname = current_database() AND pid <> pg_backend_pid()
   AND state = 'active' AND wait_event = 'ClientRead' AND query_start < clock_timestamp() - make_interval(secs => $1)
"""

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


async def cut_off(pool: Pool, asleep_s: float = ASLEEP_S) -> int:
    """End the sessions of this role whose process fell asleep in the middle of a COPY, with their locks. How many."""
    cut: int = await pool.fetchval(_CUT_OFF, asleep_s)
    if cut:
        log.warning("sleepers_cut_off", sessions=cut)
    return cut


async def _keep(connection: Any) -> None:
    """No RESET ALL when a connection comes back: a round trip that would undo nothing. An open transaction is undone."""
