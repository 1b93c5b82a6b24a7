"""Benchmarks against the bare solver; ``python -m tests.benchmarks`` runs them."""
