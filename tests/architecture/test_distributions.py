"""Two distributions from one tree: what an endpoint gets holds no server code, and each names what it imports."""

import ast
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AGENT = ROOT / "packaging" / "agent"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The files in each wheel, by the distribution's name."""
    out = tmp_path_factory.mktemp("wheels")
    for project in (AGENT, ROOT):
        told = subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out],
            cwd=project,
            capture_output=True,
            text=True,
        )
        assert told.returncode == 0, told.stderr
    return {wheel.name.partition("-")[0]: set(zipfile.ZipFile(wheel).namelist()) for wheel in out.glob("*.whl")}


def packages(names: set[str]) -> set[str]:
    return {name.partition("/")[0] for name in names if ".dist-info/" not in name}


def test_the_agents_wheel_holds_wire_and_agent_and_no_server_code(wheels: dict[str, set[str]]) -> None:
    assert packages(wheels["eucora_agent"]) == {"eucora_wire", "eucora_agent"}
    published = {"eucora_wire/published/openapi.json", "eucora_wire/dictionaries/32769.zdict"}
    assert published <= wheels["eucora_agent"]


def test_the_platforms_wheel_holds_the_platform_and_its_sql(wheels: dict[str, set[str]]) -> None:
    assert packages(wheels["eucora"]) == {"eucora"}
    assert "eucora/migrations/0001_first.sql" in wheels["eucora"]


def test_both_carry_the_licence(wheels: dict[str, set[str]]) -> None:
    for names in wheels.values():
        assert any(name.endswith("/LICENSE") for name in names)


def test_no_wheel_holds_what_an_interpreter_left_behind(wheels: dict[str, set[str]]) -> None:
    assert [name for names in wheels.values() for name in names if "__pycache__" in name] == []


def declared(project: Path) -> set[str]:
    asked = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    return {requirement.partition(">")[0].partition("=")[0].lower() for requirement in asked}


def imported(package: str) -> set[str]:
    """The distributions behind every absolute import of a package of ours."""
    known = packages_distributions()
    roots = {
        name.partition(".")[0]
        for file in (ROOT / "src" / package).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for name in _names(node)
    }
    foreign = roots - set(sys.stdlib_module_names) - {"eucora", "eucora_agent", "eucora_wire"}
    return {known[root][0].lower().replace("_", "-") if root in known else root for root in foreign}


def _names(node: ast.AST) -> list[str]:
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module]
    return []


@pytest.mark.parametrize("package", ["eucora_wire", "eucora_agent"])
def test_what_runs_on_an_endpoint_imports_only_what_its_distribution_names(package: str) -> None:
    assert imported(package) - declared(AGENT) == set()


def test_the_contract_needs_msgspec_and_cryptography_only() -> None:
    assert imported("eucora_wire") <= {"msgspec", "cryptography"}


def test_what_runs_on_a_server_imports_only_what_its_distribution_names() -> None:
    assert imported("eucora") - declared(ROOT) - declared(AGENT) == set()
