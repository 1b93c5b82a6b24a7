"""Stays: without it pytest takes tests/solvers for the package `solvers` and hides the real one."""
