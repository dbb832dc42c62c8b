"""Learners that act, one folder each; the folder's name is the agent's name on the command line.

Each offers ``Config`` (its hyper-parameters), ``build`` (the untrained learner), ``data`` (what it is trained on),
``evaluate`` (a flat dict of numbers) and ``plan``.
"""
