"""Whether a package is installed and new enough, without loading it.

May import the availabilities of this package.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from functools import cache

from solvers.capability import Availability, Readiness


def installed(
    package: str, oldest: tuple[int, int], loaded_version: str | None = None
) -> Availability:
    """Return whether a package can be used, its version not below the oldest that will do.

    The version of a loaded package, where that tells it, is faster than a look at the disk.
    """
    return _judged(package, oldest, loaded_version or _version(package))


@cache
def _judged(package: str, oldest: tuple[int, int], version: str | None) -> Availability:
    if version is None:
        return Availability(
            readiness=Readiness.NOT_INSTALLED,
            sentence=f"{package} is not installed: pip install {package}",
        )
    if _major_and_minor(version) < oldest:
        return Availability(
            readiness=Readiness.VERSION_TOO_OLD,
            sentence=(
                f"{package} {version} is older than {oldest[0]}.{oldest[1]}: "
                f"pip install -U {package}"
            ),
            version=version,
        )
    return Availability(readiness=Readiness.READY, sentence=f"{package} {version}", version=version)


def _version(package: str) -> str | None:
    if importlib.util.find_spec(package) is None:
        return None
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        # A folder of that name, no installed package.
        return None


def _major_and_minor(version: str) -> tuple[int, ...]:
    """Return the first two numbers of a version, such as (1, 15) of 1.15.1rc2."""
    return tuple(int(number) for number in re.findall(r"\d+", version)[:2])
