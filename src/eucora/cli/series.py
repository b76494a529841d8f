"""`eucora series`: one metric over time, as a small chart."""

import shutil
from typing import Annotated, Any

import typer

from eucora.cli.chart import draw
from eucora.cli.platform import platform
from eucora.cli.show import SHOWN, AsJson, Since, human, moment, parse, print_json, say
from eucora.cli.which import which

HEIGHT = 10
STEP = "5m"


def metrics(incomplete: str) -> list[str]:
    """For the shell: metrics as one types them, then as whole paths."""
    from eucora_wire.registry import METRICS

    short = dict.fromkeys(path.rpartition(".")[2] for path in METRICS)
    return [name for name in (*short, *METRICS) if name.startswith(incomplete)]


def series(
    device: Annotated[
        str,
        typer.Argument(metavar="DEVICE", help="An id, the beginning of one, a host name, or self; not with --fleet."),
    ],
    metric: Annotated[
        str,
        typer.Argument(
            metavar="METRIC", help="cpu, memory, disk, thermal, latency_ms … or a whole path.", autocompletion=metrics
        ),
    ] = "",
    fleet: Annotated[bool, typer.Option("--fleet", help="Over all devices: only METRIC is typed.")] = False,
    by: Annotated[
        str, typer.Option(help="fleet, device, or what they differ in: model, os, version, network …")
    ] = "fleet",
    op: Annotated[str, typer.Option(help="mean, min, max, count, rate, p50, p90, p95, p99.")] = "mean",
    step: Annotated[str, typer.Option(help="A point for each: 5m, 1h, 1d.")] = "",
    since: Since = "1h",
    until: Annotated[str, typer.Option(help="As --since.")] = "0s",
    as_json: AsJson = False,
) -> None:
    """One metric of a device, or of the fleet, over time, drawn in the terminal.

    Examples: eucora series self cpu --since 1h · eucora series --fleet cpu --by os --op p95 --step 1h --since 7d
    """
    if fleet:
        _fleet(metric or device, by, op, step, since, until, as_json)
        return
    if not metric:
        raise typer.BadParameter("type a device and a metric, or --fleet and a metric")
    with platform() as api:
        found = api.get(f"/devices/{which(api, device)}/series", path=metric, since=since, until=until)
    if as_json:
        print_json(found)
        return
    lines = [("", found["points"]), *((_named(of["labels"]), of["points"]) for of in found["labelled"])]
    _draw(found["path"], lines, found["unit"], since)


def _fleet(metric: str, by: str, op: str, step: str, since: str, until: str, as_json: bool) -> None:
    asked = {"metric": metric, "by": by, "op": op, "step": step or STEP, "since": since, "until": until}
    with platform() as api:
        found = api.get("/telemetry/query", **asked)
    if as_json:
        print_json(found)
        return
    lines = [(" ".join((_of(line, by), _named(line["labels"]))).strip(), line["points"]) for line in found["series"]]
    _draw(f"{op} of {found['metric']}", lines, found["unit"], since)


def _of(line: dict[str, Any], by: str) -> str:
    """Whose points they are."""
    if by == "fleet":
        return ""
    return str(line["device"] or line["group"] or f"unknown {by}")


def _draw(title: str, lines: list[tuple[str, list[Any]]], unit: str, since: str) -> None:
    drawn = [(name, points) for name, points in lines if points]
    if not drawn:
        say(f"No samples of {title} since {since}.")
    for name, points in drawn:
        _show(f"{title} {name}".strip().translate(SHOWN), points, unit)


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
