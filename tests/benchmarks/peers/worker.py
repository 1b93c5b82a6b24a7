"""The process of a peer: `python -m tests.benchmarks.peers.worker MODULE`.

Requests come by standard input and answers go by standard output, pickled: pairs of an error and a
result. The first request is the problem.
"""

import os
import pickle
import sys
from importlib import import_module
from typing import Any, BinaryIO

from tests.benchmarks.peers.in_process import InProcess
from tests.benchmarks.peers.peer import UserArrays


def main(module: str, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until one closes."""

    def answer(error: str, result: Any) -> None:
        pickle.dump((error, result), answers)
        answers.flush()

    runner = InProcess(import_module(module).PEER, UserArrays(*pickle.load(requests)))
    answer("", None)
    is_open = True
    while is_open:
        what, *given = pickle.load(requests)
        is_open = what != "close"
        try:
            result = getattr(runner, what)(*given)
        # The border to another process: whatever it is, the other side raises it.
        except Exception as failure:
            # Ray hands on whole tracebacks, which end with what went wrong.
            *_, words = f"{type(failure).__name__}: {failure}".strip().splitlines()
            answer(words, None)
        else:
            answer("", result)


if __name__ == "__main__":
    with os.fdopen(os.dup(1), "wb") as pipe:
        # What a solver prints must not get between the answers.
        os.dup2(2, 1)
        main(sys.argv[1], sys.stdin.buffer, pipe)
