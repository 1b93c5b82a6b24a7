"""How near Librex is to the bare solver, and how near others are: `make bench`.

A benchmark is a file with a function `run` that takes a `Choice` and returns a row for each case
and way; `__main__` lists it. Targets, and reasons where they are missed, stand in `targets`.
"""
