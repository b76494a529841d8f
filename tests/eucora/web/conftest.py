"""An operator plane to ask."""

from tests.eucora.operators.conftest import plane

__all__ = ["plane"]
