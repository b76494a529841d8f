"""The agent's wheel holds `eucora_wire` and `eucora_agent` from the shared `src`, and nothing of the platform."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = Path(__file__).resolve().parents[2] / "src"
PACKAGES = ("eucora_wire", "eucora_agent")


class SharedSources(BuildHookInterface):  # type: ignore[type-arg]
    """Takes the packages along when a real wheel is built; an editable one points at `src` by itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            licence = {str(SOURCES.parent / "LICENSE"): "eucora_agent/LICENSE"}
            build_data["force_include"] |= {str(SOURCES / name): name for name in PACKAGES} | licence
