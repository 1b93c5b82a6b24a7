"""Work on models and allocations: what each solver could do with a model.

May import everything down to the models; the reports import it.
"""
