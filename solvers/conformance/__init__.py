"""The suite that any adapter has to pass, usable without a test framework.

    from solvers import conformance

    report = conformance.run("highs")
    print(report)

or ``python -m solvers.conformance highs``. A case names the capabilities that it needs; what is
skipped for want of one is told with the reason.
"""

from solvers.conformance.case import Case, ConformanceFailure
from solvers.conformance.running import Report, Result, cases, run

__all__ = ["Case", "ConformanceFailure", "Report", "Result", "cases", "run"]
