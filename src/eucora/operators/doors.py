"""Where devices knock, for whoever brings some: an operator's own machine knows the address of this plane alone."""

from litestar import get
from msgspec import Struct

from eucora.operators.house import GivenHouse
from eucora.settings import addresses
from eucora.web.declare import declared


class Doors(Struct, frozen=True):
    """URLs of both listeners; `authority`: what they are trusted by, as PEM."""

    enrolment: str
    device: str
    authority: str


@get("/doors", opt=declared("devices.read", "none"), sync_to_thread=True)
def doors(house: GivenHouse) -> Doors:
    """The listeners for devices, and the authority that a device trusts; none of it is a secret."""
    where = addresses(house.settings)
    return Doors(where["enrolment_url"], where["device_url"], house.settings.trusted_file.read_text(encoding="ascii"))


ROUTES = (doors,)
