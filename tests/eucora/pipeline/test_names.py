"""Names in labels: what a maker or a system named is kept, what a person may have named is not."""

import pytest

from eucora.pipeline.names import is_part, program


@pytest.mark.parametrize(
    "name", ["Anna's Trackpad", "annas-laptop", "hid-anna-battery", "core annas-laptop", "Ännäs", "張"]
)
def test_a_sensor_or_battery_that_its_owner_named(name: str) -> None:
    assert not is_part(name)


@pytest.mark.parametrize(
    "name", ["coretemp Core 0", "nvme Composite", "k10temp Tctl", "acpitz temp1", "BAT0", "x86_pkg_temp"]
)
def test_a_sensor_or_battery_in_the_words_of_its_driver(name: str) -> None:
    assert is_part(name)


@pytest.mark.parametrize(
    "path", ["/home/anna/bin/annas", "C:\\Users\\anna\\anna.exe", "/media/anna/x", "./annas", "/root"]
)
def test_a_program_in_somebodys_folder(path: str) -> None:
    assert program(path) == "other"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("editor", "editor"),
        ("/usr/lib/editor/editor", "editor"),
        ("/opt/x/editor", "editor"),
        ("C:\\Program Files\\Editor\\editor.exe", "editor.exe"),
        ("/Applications/Editor.app/Contents/MacOS/Editor", "Editor"),
    ],
)
def test_a_program_where_a_system_puts_it(path: str, name: str) -> None:
    assert program(path) == name
