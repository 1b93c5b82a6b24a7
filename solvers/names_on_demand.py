"""The public names of a package, each loaded when it is first used (PEP 562, SPEC 1)."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any


def names_on_demand(
    package: str, modules: Collection[str], names: Mapping[str, Collection[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package whose public names load when first used.

    Parameters
    ----------
    package : str
    modules : collection of str
        The modules in the package that are public names.
    names : mapping of str to collection of str
        For modules in the package, the names in them that are public names of the package.

    Examples
    --------
    >>> load, _ = names_on_demand("collections", [], {"abc": ["Sized"]})
    >>> load("Sized")
    <class 'collections.abc.Sized'>
    >>> load("Size")
    Traceback (most recent call last):
    AttributeError: module 'collections' has no attribute 'Size'
    """
    home = {name: module for module, inside in names.items() for name in inside}

    def load(name: str) -> Any:
        if name in modules:
            # Python keeps it as an attribute of the package: the next look-up does not come here.
            return importlib.import_module(f"{package}.{name}")
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    def listed() -> list[str]:
        # Not all modules: whoever looks at each name, as `help` does, loads no package that may be
        # missing.
        found = vars(sys.modules[package])
        return sorted({*found, *home, *found.get("__all__", ())})

    return load, listed
