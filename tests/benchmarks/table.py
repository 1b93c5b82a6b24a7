"""Measurements as lines of text, for the terminal."""

from tests.benchmarks.measuring import Measurement
from tests.benchmarks.targets import target_of

SHOWN_AS = {"s": ("ms", 1e3)}
"""Units that are shown as others, and how many of those they are."""

HEAD = ("benchmark", "case", "way", "takes", "bare", "ratio", "target", "")


def table(measurements: list[Measurement]) -> str:
    """Return the measurements as a table, times in milliseconds."""
    rows = [HEAD, *(_cells(measurement) for measurement in measurements)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def figure(value: float | None, unit: str) -> str:
    """Return a figure with its unit, with three digits at least; a dash where there is none."""
    if value is None:
        return "-"
    shown, factor = SHOWN_AS.get(unit, (unit, 1.0))
    scaled = factor * value
    digits = f"{scaled:,.0f}" if abs(scaled) >= 100.0 else f"{scaled:.3g}"
    return f"{digits} {shown}".rstrip()


def ratio_of(measurement: Measurement) -> str:
    """Return the ratio as the tables show it."""
    ratio = measurement.ratio
    return "-" if ratio is None else f"{ratio:.2f}"


def _cells(measurement: Measurement) -> tuple[str, ...]:
    target = target_of(measurement)
    met = None if target is None else target.is_met_by(measurement)
    return (
        measurement.benchmark,
        measurement.case,
        measurement.way,
        figure(measurement.value, measurement.unit),
        figure(measurement.bare, measurement.unit),
        ratio_of(measurement),
        "" if target is None else target.text(measurement.unit),
        "missed" if met is False else measurement.remark,
    )
