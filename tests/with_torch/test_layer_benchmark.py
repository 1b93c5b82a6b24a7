"""The benchmark of the layer runs at a tiny size; no time is judged."""

from tests.benchmarks import layer


def test_the_layer_compares_with_cvxpylayers() -> None:
    [measurement] = layer.run(sizes=((5, 2),), repeats=2)
    assert (measurement.case, measurement.repeats) == ("N = 5, K = 2", 2)
    assert measurement.ratio > 0
