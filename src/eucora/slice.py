"""What a domain offers the house. `domains/all.py` lists the slices; the house knows only this shape."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from eucora.batch import Plan
from eucora.sealing import pseudonym

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Transaction: TypeAlias = asyncpg.Connection[Any] | PoolConnectionProxy[Any]
    Pool: TypeAlias = asyncpg.Pool[Any]
else:
    # At run time asyncpg's classes take no parameters, and signatures are read: an open transaction, in which a slice
    # runs statements and which it never ends, and the application's connections, opened in assemble.
    Transaction = Pool = Any


async def _nothing(plan: Plan, tx: Transaction) -> None:
    """A domain that takes nothing from telemetry."""


class Held(Struct, frozen=True):
    """What a domain holds of a section of one device: the order key of its newest item, and the digest that the device
    should tell of it, keyed (`told`); empty for what is not as it was absorbed, None where nobody can say. `also` fits too.
    """

    order: tuple[int, int]
    digest: bytes | None
    also: tuple[bytes, ...] = ()


def told(secret: bytes, digest: str) -> bytes:
    """A digest that a device tells, as it is kept: keyed, since names are among what it is made of, and can be guessed."""
    return pseudonym(secret, "state", digest)


class Slice(Struct, frozen=True):
    """`absorb` takes its part of a batch inside the digest's transaction; `routes` are its pages of the operator API."""

    name: str
    absorb: Callable[[Plan, Any], Awaitable[None]] = _nothing
    routes: Sequence[Any] = ()
