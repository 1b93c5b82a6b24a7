"""Methods that serve one thread at a time: another one is refused, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from librex_models.session import Turn

REFUSAL = "the sampler is in use in another thread; it serves one thread at a time"

Method = TypeVar("Method", bound=Callable[..., Any])


def one_thread(method: Method) -> Method:
    """Return a method that raises ParameterError while another thread is in one of its kind.

    Parameters
    ----------
    method : callable
        Of an object that holds a `threading.Lock` under the name `_in_use`.
    """

    @wraps(method)
    def alone(self: Any, *arguments: Any, **keywords: Any) -> Any:
        with Turn(self._in_use, REFUSAL):
            return method(self, *arguments, **keywords)

    return cast("Method", alone)
