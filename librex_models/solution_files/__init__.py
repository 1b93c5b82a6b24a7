"""Solution files of solvers, and our own results, as what they say; nothing is checked here.

May import numpy, `solvers`, `librex_models.errors` and `librex_models.problem`.
"""

from librex_models.solution_files.detection import read_solution_file
from librex_models.solution_files.solution_file import INFINITE, Naming, SolutionFile

__all__ = ["INFINITE", "Naming", "SolutionFile", "read_solution_file"]
