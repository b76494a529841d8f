"""`eucora backup` and `eucora restore`: the whole of a platform on embedded servers, as a folder, while it runs.

Objects first, then the database, then what came since: so each object that the database names is there. A restore only
puts files in place; the next `eucora up` does what makes the platform true again (`governance/restored.py`).
"""

import asyncio
import hashlib
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from eucora import assemble, clock, settings
from eucora.cli.platform import NotRunning
from eucora.cli.show import AsJson, human, print_json, say
from eucora.embedded import base_backup, bucket_copy, postgres, seaweedfs
from eucora.embedded.binaries import postgres_bindir
from eucora.embedded.datadir import DataDir, beside, holder
from eucora.embedded.start import start_embedded
from eucora.governance import witness
from eucora.problems import Misconfigured
from eucora.settings import Settings
from eucora.stores.ports import S3Endpoint

FORMAT = 1
MANIFEST, FILES, OBJECTS, SEEN = "backup.json", "files", "objects", "witness"
NOT_COPIED = {
    *("postgres", "s3", "valkey"),  # servers, each its own way
    *("copies", "copies-told", "scratch", "logs", "run", "lock", "ports.json"),  # made anew
    *("agent", "witness"),  # the agent is this machine's, and goes on; what is witnessed stands apart
}


class Backup(msgspec.Struct, frozen=True):
    """What `backup.json` says: which installation, taken from when to when, how much."""

    format: int
    installation: uuid.UUID
    epoch: int
    began: datetime
    ended: datetime
    objects: int
    bytes: int


def backup(
    folder: Annotated[Path, typer.Argument(help="Where backups lie; each gets a folder of its own there.")],
    as_json: AsJson = False,
) -> None:
    """Copy everything that a restore needs, while the platform runs: database, objects, keys.

    It opens all that the platform holds: keep it where the keys may lie. What the newest backup there holds already is
    linked, not copied.

    Example: eucora backup /mnt/backup
    """
    given = _embedded(settings.read())
    if holder(given.data_dir) is None:
        raise NotRunning("nothing runs on this data directory: eucora up first, or copy the folder as it lies")
    data, began = beside(given.data_dir), clock.now()
    ports = json.loads((data.path / "ports.json").read_text())
    keys = seaweedfs.credentials(data, seaweedfs.APP)
    bucket = S3Endpoint(f"http://127.0.0.1:{ports['s3']}", keys.access_key, keys.secret_key)
    place = folder.absolute() / f"eucora-{began:%Y%m%dT%H%M%SZ}"
    draft = place.with_name(place.name + ".part")
    draft.mkdir(mode=0o700, parents=True)
    (draft / OBJECTS).mkdir()
    url = postgres.url(data, postgres.APP, data.path / "postgres", ports["postgres"])
    resolved = msgspec.structs.replace(given, postgres_url=url)
    with _progress() as report:
        asyncio.run(assemble.told(resolved, "platform.backed-up", "eucora backup"))
        earlier = _newest(folder)
        asyncio.run(_take_objects(bucket, draft / OBJECTS, earlier, report))
        report("database", "copying")
        base_backup.take(data, postgres_bindir(data.account), ports["postgres"], draft / "postgres")
        count, size = asyncio.run(_take_objects(bucket, draft / OBJECTS, earlier, report))
        report("files", "copying")
        _take_files(data.path, draft / FILES)
        if (given.witness_folder / witness.JOURNAL).exists():
            shutil.copytree(given.witness_folder, draft / SEEN)
        seen = asyncio.run(assemble.seen(resolved))
    done = Backup(FORMAT, seen.installation, seen.epoch, began, clock.now(), count, size)
    (draft / MANIFEST).write_bytes(msgspec.json.encode(done))
    draft.rename(place)
    if as_json:
        print_json({"folder": str(place), **msgspec.to_builtins(done)})
    else:
        say(
            f"{place}: the database, {count} objects ({human(size, 'bytes')}) and the keys. Whoever has it has all of them."
        )


def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that eucora backup made.")],
    log: Annotated[
        bool,
        typer.Option("--log/--no-log", help="Go on with the log of the database that lies there, as far as it goes."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Put a backup in place of the database here; the next eucora up begins a new epoch, and devices send what is lacking.

    The platform must be stopped. The database that lies there is moved aside, and its log is read to the last record,
    unless --no-log: use that when what was done since the backup is what you want to be rid of.

    Example: eucora restore /mnt/backup/eucora-20261127T093000Z
    """
    given, folder = _embedded(settings.read()), folder.absolute()
    kept = _read(folder)
    if holder(given.data_dir) is not None:
        raise Misconfigured("the platform runs on this data directory: eucora down first")
    data = _room_for(given, folder, kept)
    with _progress() as report:
        report("backup", "verifying")
        base_backup.verify(postgres_bindir(data.account), folder / "postgres")
        report("files", "copying")
        _put_files(folder / FILES, data.path)
        report("database", "copying")
        aside = _move_aside(data.path)
        base_backup.put_back(data, folder / "postgres", aside / "pg_wal" if aside is not None and log else None)
        put = _put_objects(given.data_dir, folder / OBJECTS, report)
        if (folder / SEEN).exists() and not given.witness_folder.exists():
            shutil.copytree(folder / SEEN, given.witness_folder)
        witness.mark(given.witness_folder)
    if as_json:
        print_json({"folder": str(folder), "taken": kept.began.isoformat(), "objects_put": put,
                    "aside": None if aside is None else str(aside)})  # fmt: skip
        return
    say(f"The database of {kept.began:%Y-%m-%d %H:%M:%S} UTC is in place, and {put} objects that were missing.")
    say("Next: eucora up")
    if aside is not None:
        say(f"What lay there is in {aside}: delete it when all is well; it holds what was erased since.")


def _embedded(given: Settings) -> Settings:
    if given.postgres_url or given.s3_url:
        raise Misconfigured(
            "PostgreSQL or S3 is a server of your own: it is backed up by its own tools (the database first, then the "
            "bucket), and when it was put back eucora up notices by itself"
        )
    return given


def _newest(folder: Path) -> Path | None:
    """The objects of the last backup that was ended here."""
    found = sorted(each.parent / OBJECTS for each in folder.glob(f"eucora-*Z/{MANIFEST}"))
    return found[-1] if found else None


async def _take_objects(bucket: S3Endpoint, into: Path, earlier: Path | None, report: Any) -> tuple[int, int]:
    async with assemble.bucket(bucket) as objects:
        return await bucket_copy.take(objects, into, earlier, lambda n, size: report("objects", _so_far(n, size)))


def _so_far(count: int, size: int) -> str:
    return f"{count}, {human(size, 'bytes')}"


def _take_files(from_: Path, into: Path) -> None:
    into.mkdir(mode=0o700)
    for entry in from_.iterdir():
        if entry.name in NOT_COPIED or entry.name.startswith("postgres."):
            continue
        if entry.is_dir():
            shutil.copytree(entry, into / entry.name)
        elif entry.is_file():
            shutil.copy2(entry, into / entry.name)


def _read(folder: Path) -> Backup:
    try:
        kept = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Backup)
    except (OSError, msgspec.MsgspecError) as exc:
        raise Misconfigured(f"{folder} is no whole backup: it has no {MANIFEST} that can be read") from exc
    if kept.format != FORMAT:
        raise Misconfigured(f"{folder} was made by a newer release: restore it with that")
    return kept


def _room_for(given: Settings, folder: Path, kept: Backup) -> DataDir:
    """The data directory, empty or of the same installation. Raises Misconfigured."""
    given.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ours, theirs = (base / "secrets" / "wrapping.key" for base in (given.data_dir, folder / FILES))
    if ours.exists() and _digest(ours) != _digest(theirs):
        raise Misconfigured(
            f"{given.data_dir} holds another installation: name another by EUCORA_DATA_DIR, or move it away"
        )
    was = witness.seen(given.witness_folder)
    if was is not None and was.installation != kept.installation:
        raise Misconfigured(
            f"{given.witness_folder} tells of another installation: name this one's by EUCORA_WITNESS_DIR"
        )
    return beside(given.data_dir)


def _digest(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def _put_files(from_: Path, into: Path) -> None:
    """What is not there. Keys and authority of the same installation never change."""
    for entry in from_.iterdir():
        if not (into / entry.name).exists():
            (shutil.copytree if entry.is_dir() else shutil.copy2)(entry, into / entry.name)


def _move_aside(path: Path) -> Path | None:
    """Where the database that lay there is now; None when there was none."""
    there = path / base_backup.PLACE
    if not there.exists():
        return None
    return there.rename(path / f"postgres.before-{clock.now():%Y%m%dT%H%M%SZ}")


def _put_objects(data_dir: Path, folder: Path, report: Any) -> int:
    running = start_embedded(data_dir, frozenset({"s3"}), report)
    try:
        assert running.s3 is not None
        return asyncio.run(_put(running.s3, folder, report))
    finally:
        running.stop()


async def _put(bucket: S3Endpoint, folder: Path, report: Any) -> int:
    async with assemble.bucket(bucket) as objects:
        return await bucket_copy.put_back(objects, folder, lambda n, size: report("objects", _so_far(n, size)))


@contextmanager
def _progress() -> Iterator[Any]:
    """What is done now, and for how long already."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task("beginning", total=None)
        yield lambda name, said: shown.update(task, description=f"{name} {said}")
