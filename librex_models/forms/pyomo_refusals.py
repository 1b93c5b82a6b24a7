"""What the reader of Pyomo models does not handle, said with the name of the component."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from librex_models.errors import FormError

HANDLED = (
    "handled are linear constraints, and a linear objective with, where it is maximised, terms "
    "weight * log(u), weight * u**(1 - alpha) / (1 - alpha) and c * u**e of single variables u; "
    "constraints may be p <= u * log(v / u) or p <= u * (((v / u)**(1 - alpha) - 1) / (1 - alpha))"
)


class _NotHandledError(Exception):
    """Something that the reader does not handle, said as what the component holds."""


def refuse(what: str) -> NoReturn:
    """Refuse a component for what it holds, inside of `naming`."""
    raise _NotHandledError(what)


@contextmanager
def naming(kind: str, component: Any) -> Iterator[None]:
    """Turn a refusal into a FormError that names the component."""
    try:
        yield
    except _NotHandledError as reason:
        raise FormError(f"{kind} {component.name!r} holds {reason}; {HANDLED}") from None
