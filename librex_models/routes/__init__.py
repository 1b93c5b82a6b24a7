"""Ways to an answer, one file each; `planning` chooses.

May import `librex_models.verification` and what that may import, `librex_models.allocation`, and
`solvers`; never a session.
"""
