"""How many random examples a test tries: all in `make test-long`, a share in `make test`."""

import os


def examples(count: int) -> int:
    """Return the share of `count` that the environment variable LIBREX_EXAMPLES asks for.

    At least 1. The variable is above 0 and at most 1; where it is not set, the share is 0.02.
    """
    share = float(os.environ.get("LIBREX_EXAMPLES", "0.02"))
    if not 0.0 < share <= 1.0:
        raise ValueError(f"LIBREX_EXAMPLES is {share}, expected a share above 0 and at most 1")
    return max(1, round(share * count))
