"""The list and the folder agree, and what all collectors promise holds for each."""

import json
import pkgutil
from importlib import import_module

import msgspec
import pytest

from eucora_agent import collectors
from eucora_agent.collectors import COLLECTORS, Collector, Reading
from eucora_wire.payload import Payload

BY_NAME = pytest.mark.parametrize("collector", COLLECTORS, ids=lambda c: c.name)


def test_every_module_that_reads_is_listed_under_its_own_name():
    modules = {
        m.name: import_module(f"eucora_agent.collectors.{m.name}") for m in pkgutil.iter_modules(collectors.__path__)
    }
    assert {c.name: c.read for c in COLLECTORS} == {
        n: m.read for n, m in modules.items() if "Context" in vars(m) and hasattr(m, "read")
    }


@BY_NAME
def test_a_machine_that_has_nothing_is_no_failure_and_invents_nothing(
    collector: Collector, tmp_path, asked, monkeypatch
):
    for name in ("https_proxy", "http_proxy", "all_proxy", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    found = collector.read(asked(tmp_path))
    invented = [
        (name, value)
        for part in (found.hardware, found.network, found.device, found.apps)
        if part is not None
        for name in part.__struct_fields__
        if (value := getattr(part, name)) not in (None, (), False)
    ]
    assert (invented, found.changes, dict(found.packages), found.people or ()) == ([], (), {}, ())


@BY_NAME
def test_this_machine_answers_within_the_contract(collector: Collector, asked):
    found = collector.read(asked(pause=__import__("time").sleep))
    for name in ("hardware", "network", "device", "apps"):
        part = getattr(found, name)
        if part is not None:
            kind = type(part)
            assert msgspec.convert(msgspec.to_builtins(part), kind) == part
    msgspec.convert(msgspec.to_builtins(found.changes), Payload.__annotations__["changes"])


@BY_NAME
def test_what_a_collector_remembers_survives_json(collector: Collector, asked):
    state = collector.read(asked()).state
    assert json.loads(json.dumps(state)) == state
    assert isinstance(collector.read(asked(state=state)), Reading)
