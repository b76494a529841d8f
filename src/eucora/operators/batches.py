"""One batch and its whole way."""

from typing import Annotated

from litestar import get
from litestar.params import QueryParameter

from eucora.operators.house import GivenHouse
from eucora.pipeline.explain import Explained
from eucora.web.declare import declared

Batch = Annotated[
    str, QueryParameter(max_length=80, description="STREAM:SEQUENCE, as a receipt has them, or SHARD/LANE/POSITION")
]


@get("/batches/explain", opt=declared("status.read", "none"))
async def explained(batch: Batch, house: GivenHouse) -> Explained:
    """Sealed, sent, received, digested, kept, told: what became of it where, and when. Nothing of what it says."""
    return await house.explain(batch)


ROUTES = (explained,)
