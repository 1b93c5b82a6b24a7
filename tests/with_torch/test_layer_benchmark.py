"""The benchmark of the layer runs at a tiny size; no time is judged."""

from tests.benchmarks import layer


def test_the_layer_compares_with_cvxpylayers() -> None:
    free, capped = layer.run(cases=((5, 1, False), (5, 2, True)), repeats=2)
    assert (free.case, capped.case, free.repeats) == ("N = 5, K = 1, no caps", "N = 5, K = 2", 2)
    assert all(one.ratio is not None and one.ratio > 0 for one in (free, capped))
