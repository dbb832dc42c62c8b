"""Objectives, one file each: a frozen dataclass ``Config`` of coefficients and a pure function ``loss_terms``.

The file's name is the objective's name. ``loss_terms(config, output, step)`` takes a `VAEOutput` and gives named
scalars, of which ``"loss"`` is minimised.
"""
