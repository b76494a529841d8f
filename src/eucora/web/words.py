"""Canonical units in words that people use: for the terminal and for pages alike."""

SCALES = {"bytes": (1024.0, "B KiB MiB GiB TiB PiB"), "bits_per_second": (1000.0, "bit/s kbit/s Mbit/s Gbit/s Tbit/s")}
AGES = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def human(value: float | None, unit: str) -> str:
    """0.25 ratio → 25 %, 2147483648 bytes → 2.0 GiB, 5400 seconds → 1 h 30 min."""
    if value is None:
        return ""
    if unit == "ratio":
        return f"{value * 100:.3g} %"
    if unit == "celsius":
        return f"{value:.3g} °C"
    if unit == "seconds":
        return duration(value)
    if unit in SCALES:
        return _scaled(value, *SCALES[unit])
    return f"{value:,.6g}"


def _scaled(value: float, step: float, names: str) -> str:
    units = names.split()
    while abs(value) >= step and len(units) > 1:
        value, units = value / step, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] in ("B", "bit/s") else f"{value:.1f} {units[0]}"


def duration(seconds: float) -> str:
    """The two largest parts; below a second in milliseconds."""
    if 0 < abs(seconds) < 1:
        return f"{seconds * 1000:.3g} ms"
    left, parts = int(seconds), []
    for size, name in AGES:
        if left >= size:
            parts.append(f"{left // size} {name}")
            left %= size
    return " ".join(parts[:2]) or "0 s"
