"""Unbraid: interactive worlds, and learners that pull a world's factors of variation apart.

Importing the package is cheap and loads neither torch nor Gymnasium; the parts are
``unbraid.envs``, ``unbraid.representation``, ``unbraid.agents`` and ``unbraid.experiments``.
"""

__version__ = "0.1.0"
