"""What is said of a model that was written into a file."""

from __future__ import annotations

from typing import Any

from librex_models.model_files import ExportedFile
from librex_models.report.labels import printable


def export_json(written: ExportedFile) -> dict[str, Any]:
    """Return what was written, for a JSON file."""
    return {
        "path": str(written.path),
        "sidecar": None if written.sidecar is None else str(written.sidecar),
        "relative_gap": written.relative_gap,
        "least_equivalent": written.least_equivalent,
        "negligible": written.negligible,
        "exponent": written.exponent,
    }


def export_report(written: ExportedFile) -> str:
    """Return what was written, in words."""
    text = f"wrote {printable(str(written.path))}"
    if written.sidecar is not None:
        text += f", names that had to change in {printable(str(written.sidecar))}"
    if written.relative_gap:
        text += (
            f"\ntangents: the best decision is within {written.relative_gap:g} in equivalent "
            f"utility, wherever that is at least {written.least_equivalent:.6g}"
        )
    elif written.least_equivalent:
        text += (
            "\nexact wherever the best equivalent utility is at least "
            f"{written.least_equivalent:.6g}"
        )
    if written.negligible:
        text += f"\nutilities below {written.negligible:.6g} count for less than they are"
    if written.exponent:
        text += f"\nthe objective is the welfare times 2^{written.exponent}"
    return f"{text}\n"
