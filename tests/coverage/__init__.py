"""Every family by every solver, of every kind of decision: ``make matrix``."""
