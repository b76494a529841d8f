"""What a route is handed by name: `asker`, `now`, `pool`, `keyring`, `secrets`, `objects`. It asks for what it uses.

Litestar reads types when the application is built; ours need no check at each request, so at run time they are Any.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from litestar.di import Dependency
from litestar.params import SkipValidationMarker

from eucora.web.asker import Asker

T = TypeVar("T")
Given: TypeAlias = Annotated[T, Dependency(kind="named"), SkipValidationMarker()]

if TYPE_CHECKING:
    from eucora.secrets import Secrets
    from eucora.slice import Pool
    from eucora.stores.ports import Objects

    GivenPool: TypeAlias = Pool
    GivenSecrets: TypeAlias = Secrets
    GivenObjects: TypeAlias = Objects
else:
    GivenPool = GivenSecrets = GivenObjects = Given[Any]


GivenAsker: TypeAlias = Given[Asker]
GivenNow: TypeAlias = Given[datetime]
