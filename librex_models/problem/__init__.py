"""The problem: who asks for what, what it is worth, and what there is.

May import `librex_models.errors`, and `solvers.atomic_file` to write a file.
"""

from librex_models.problem.allocation_problem import AllocationProblem
from librex_models.problem.grouping import Grouping
from librex_models.problem.rows import Rows

__all__ = ["AllocationProblem", "Grouping", "Rows"]
