"""What a reader gets to see of an allocation: tables, plain text, data frames and JSON.

May import everything but `librex_models.configuration` and `librex_models.cli`; rich and narwhals
load when first used.
"""
