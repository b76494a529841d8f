"""Writes what follows from the code: the published contract and the reference pages. `python -m docs.generate`.

Everything here is a function of the sources; a test compares what is committed with what would be written.
"""

from pathlib import Path

from docs.generate import openapi, pages, samples, schemas

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = Path("src/eucora_wire/published")
REFERENCE = Path("docs/reference")


def files() -> dict[Path, str]:
    """Every generated file, by its path below the repository's root."""
    contract = {**schemas.files(), **samples.files(), "openapi.json": openapi.file()}
    return {
        **{PUBLISHED / name: text for name, text in contract.items()},
        **{REFERENCE / name: text for name, text in pages.files(ROOT).items()},
    }


def strays() -> list[Path]:
    """What lies in the published folder and is not made here."""
    lying = (file.relative_to(ROOT) for file in (ROOT / PUBLISHED).rglob("*") if file.is_file())
    return sorted(file for file in lying if file not in files() and file.suffix != ".pyc")
