"""Write: a Program with names into MPS and LP files, against HiGHS's own writer.

Both write the same columns, rows and names; what HiGHS reads back is the same model.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import librex_models as lm
from solvers import Program
from solvers.export import export
from solvers.file_names import names_in_file
from tests.benchmarks.bare_highs import COLUMNWISE, MAXIMISE, N_RESOURCES, Arrays
from tests.benchmarks.choice import EVERYTHING, Choice
from tests.benchmarks.measuring import BARE, LIBREX, Measurement, Stopwatch, in_turns

SIZES = (10_000, 100_000)
KINDS = ("mps", "lp")
REPEATS = 7


def run(
    choice: Choice = EVERYTHING,
    *,
    sizes: Sequence[int] = SIZES,
    kinds: Sequence[str] = KINDS,
    repeats: int = REPEATS,
) -> list[Measurement]:
    """Return one measurement for each kind of file and number of options."""
    return [
        _measured(size, kind, repeats)
        for kind in kinds
        for size in sizes
        if choice.takes(_case(kind, size), LIBREX)
    ]


def _case(kind: str, n_options: int) -> str:
    return f"{kind}, N = {n_options:,}"


def _measured(n_options: int, kind: str, repeats: int) -> Measurement:
    arrays = Arrays(n_options)
    jobs = [f"job_{number}" for number in range(n_options)]
    problem = lm.AllocationProblem(arrays.requests, arrays.budget, arrays.reward, option_names=jobs)
    program = lm.BudgetOnly(problem).to_program()
    highs = _with_names(arrays, program, kind)
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = Path(folder) / f"ours.{kind}", Path(folder) / f"theirs.{kind}"

        def librex() -> None:
            with watch.taking(LIBREX):
                export(program, ours)

        def bare() -> None:
            with watch.taking(BARE):
                highs.writeModel(str(theirs))

        for round_number in range(repeats):
            in_turns(round_number, librex, bare)
        _check(ours, theirs, kind)
    return watch.measurement("write", _case(kind, n_options))


def _with_names(arrays: Arrays, program: Program, kind: str) -> Any:
    """Return HiGHS with the model and its names; MPS files are minimised, as ours are."""
    names = names_in_file(program, kind)
    highs = arrays.pass_to_highs()
    sign, ready = -1.0 if kind == "mps" else 1.0, arrays.of_highs
    highs.passModel(
        arrays.n_options,
        N_RESOURCES,
        len(ready.entries),
        COLUMNWISE,
        int(sign) * MAXIMISE,
        0.0,
        sign * arrays.reward,
        ready.lower,
        ready.upper,
        ready.no_side,
        arrays.budget,
        ready.starts,
        ready.rows,
        ready.entries,
        ready.continuous,
    )
    for column, name in enumerate(names.columns):
        highs.passColName(column, name)
    for row, name in enumerate(names.rows):
        highs.passRowName(row, name)
    return highs


def _check(ours: Path, theirs: Path, kind: str) -> None:
    """Compare what HiGHS reads from either file, to the 15 digits that it writes.

    Raises
    ------
    RuntimeError
        If it is not the same model.
    """
    first, second = _read(ours), _read(theirs)
    same_names = first.col_names_ == second.col_names_ and first.row_names_ == second.row_names_
    pairs = [
        (first.col_cost_, second.col_cost_),
        (first.col_upper_, second.col_upper_),
        (first.row_upper_, second.row_upper_),
        (first.a_matrix_.value_, second.a_matrix_.value_),
    ]
    same_numbers = all(np.allclose(a, b, rtol=1e-14, atol=0.0) for a, b in pairs)
    if not (same_names and same_numbers):
        raise RuntimeError(f"the {kind} files of Librex and of HiGHS hold different models")


def _read(path: Path) -> Any:
    import highspy

    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.readModel(str(path))
    return highs.getLp()
