"""`eucora series`: one metric over time, as a small chart."""

import shutil
from typing import Annotated, Any

import typer

from eucora.cli.chart import draw
from eucora.cli.platform import platform
from eucora.cli.show import AsJson, Since, human, moment, parse, print_json, say
from eucora.cli.which import Device, which

HEIGHT = 10


def metrics(incomplete: str) -> list[str]:
    """For the shell: metrics as one types them, then as whole paths."""
    from eucora_wire.registry import METRICS

    short = dict.fromkeys(path.rpartition(".")[2] for path in METRICS)
    return [name for name in (*short, *METRICS) if name.startswith(incomplete)]


def series(
    device: Device,
    metric: Annotated[
        str,
        typer.Argument(
            metavar="METRIC", help="cpu, memory, disk, thermal, latency_ms … or a whole path.", autocompletion=metrics
        ),
    ],
    since: Since = "1h",
    until: Annotated[str, typer.Option(help="As --since.")] = "0s",
    as_json: AsJson = False,
) -> None:
    """One metric of a device over time, drawn in the terminal.

    Examples: eucora series self cpu --since 1h · eucora series self hardware.volumes.used --since 7d --json
    """
    with platform() as api:
        found = api.get(f"/devices/{which(api, device)}/series", path=metric, since=since, until=until)
    if as_json:
        print_json(found)
        return
    lines = [("", found["points"]), *((_named(of["labels"]), of["points"]) for of in found["labelled"])]
    drawn = [(name, points) for name, points in lines if points]
    if not drawn:
        say(f"No samples of {found['path']} since {since}.")
    for name, points in drawn:
        _show(f"{found['path']} {name}".strip(), points, found["unit"])


def _named(labels: list[list[str]]) -> str:
    return ", ".join(f"{name}={text}" for name, text in labels)


def _show(title: str, points: list[Any], unit: str) -> None:
    values = [value for _, value in points]
    typer.secho(title, bold=True, nl=False)
    say(
        f"   now {human(values[-1], unit)} · least {human(min(values), unit)} · "
        f"mean {human(sum(values) / len(values), unit)} · most {human(max(values), unit)} · {len(values)} samples"
    )
    width = max(40, min(120, shutil.get_terminal_size().columns))
    chart = draw([(parse(time).timestamp(), value) for time, value in points], width, HEIGHT, lambda v: human(v, unit))
    for line in chart:
        say(line)
    first, last = moment(points[0][0]), moment(points[-1][0])
    say(f"{first}{last:>{max(1, width - len(first))}}")
