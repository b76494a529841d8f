import json
import socket
from pathlib import Path

from eucora.embedded.ports import is_free, remembered_ports


def test_ports_are_remembered_while_they_are_usable_and_chosen_anew_when_not(folder: Path) -> None:
    file = folder / "ports.json"
    first = remembered_ports(file, ("a", "b"), lambda name, port: True)
    assert remembered_ports(file, ("a", "b"), lambda name, port: True) == first
    again = remembered_ports(file, ("a", "b"), lambda name, port: name == "b" or port != first["a"])
    assert again["b"] == first["b"]
    assert again["a"] != first["a"]
    assert json.loads(file.read_text()) == again


def test_a_server_that_is_not_wanted_now_keeps_its_port(folder: Path) -> None:
    file = folder / "ports.json"
    first = remembered_ports(file, ("a", "b"), lambda name, port: True)
    remembered_ports(file, ("b",), lambda name, port: True)
    assert remembered_ports(file, ("a", "b"), lambda name, port: True) == first


def test_a_port_where_somebody_listens_is_not_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert not is_free(port)
    assert is_free(port)


def test_a_torn_file_is_written_anew(folder: Path) -> None:
    file = folder / "ports.json"
    file.write_text('{"a": 15')
    assert remembered_ports(file, ("a",), lambda name, port: True) == json.loads(file.read_text())
