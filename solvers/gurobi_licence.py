"""Which licence Gurobi would use, read from its file and not taken.

May import the availabilities of this package.
"""

from __future__ import annotations

import importlib.util
import os
from datetime import UTC, date, datetime
from pathlib import Path

from solvers.capability import Availability, Readiness, SizeLimit

# What the licence that comes with gurobipy allows (measured with 13.0); one column for each term.
FREE_SIZE = SizeLimit(rows=2000, columns=2000, columns_with_terms=200, columns_per_term=1)
FREE_SIZE_IN_WORDS = (
    f"{FREE_SIZE.columns:,} columns and {FREE_SIZE.rows:,} rows, and "
    f"{FREE_SIZE.columns_with_terms} columns in all with alpha-fair terms"
)
FILE_NAME = "gurobi.lic"
ENVIRONMENT_VARIABLE = "GRB_LICENSE_FILE"
# Keys of the file whose presence says that a server hands the licence out.
SERVERS = {
    "WLSACCESSID": "the web licence service",
    "CLOUDACCESSID": "the instant cloud",
    "CSMANAGER": "a cluster manager",
    "COMPUTESERVER": "a compute server",
    "TOKENSERVER": "a token server",
}


def licensed(installed: Availability) -> Availability:
    """Return whether an installed gurobipy has a licence, as far as files tell."""
    file = licence_file()
    if file is None:
        return _with_free_licence(installed)
    try:
        entries = _entries(file.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        reason = f"the licence file {file} cannot be read: {error.strerror or error}"
        return _without_licence(installed, reason)
    for key, server in SERVERS.items():
        if key in entries:
            where = f" {entries[key]}" if key.endswith(("SERVER", "MANAGER")) else ""
            return _ready(installed, f"a licence of {server}{where}, named by {file}")
    if not entries:
        return _without_licence(installed, f"the licence file {file} holds no entries")
    ended = _end(entries.get("EXPIRATION", ""))
    if ended is not None and ended < today():
        return _without_licence(installed, f"the licence of {file} expired on {ended}")
    kind = f" of type {entries['TYPE']}" if "TYPE" in entries else ""
    until = "" if ended is None else f", until {ended}"
    return _ready(installed, f"a licence{kind} in {file}{until}")


def licence_file() -> Path | None:
    """Return the licence file that Gurobi would read, None for that of the package."""
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if named:
        return Path(named)
    for file in usual_places():
        if file.is_file():
            return file
    return None


def usual_places() -> list[Path]:
    """Return where Gurobi looks for a licence that no variable names."""
    return [Path.home() / FILE_NAME, *sorted(Path("/opt").glob(f"gurobi*/{FILE_NAME}"))]


def today() -> date:
    """Return the day."""
    return datetime.now(UTC).date()


def _with_free_licence(installed: Availability) -> Availability:
    found = importlib.util.find_spec("gurobipy")
    folder = Path(found.origin).parent if found is not None and found.origin else Path()
    file = folder / ".libs" / FILE_NAME
    ended = None
    if file.is_file():
        entries = _entries(file.read_text(encoding="utf-8", errors="replace"))
        ended = _end(entries.get("EXPIRATION", ""))
    if ended is not None and ended < today():
        return _without_licence(installed, f"the free licence of gurobipy expired on {ended}")
    until = "" if ended is None else f", until {ended}"
    return Availability(
        readiness=Readiness.SIZE_LIMITED,
        sentence=(
            f"{installed.sentence} with the free licence that comes with it: "
            f"{FREE_SIZE_IN_WORDS}{until}"
        ),
        version=installed.version,
        size_limit=FREE_SIZE,
    )


def _ready(installed: Availability, licence: str) -> Availability:
    return Availability(
        readiness=Readiness.READY,
        sentence=f"{installed.sentence} with {licence}",
        version=installed.version,
    )


def _without_licence(installed: Availability, reason: str) -> Availability:
    return Availability(
        readiness=Readiness.NO_LICENCE,
        sentence=f"{installed.sentence} has no licence: {reason}",
        version=installed.version,
    )


def _entries(text: str) -> dict[str, str]:
    """Return the entries KEY=value of a licence file."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {key.strip().upper(): value.strip() for key, _, value in pairs}


def _end(text: str) -> date | None:
    """Return the day of an expiration such as 2027-11-29, None where there is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
