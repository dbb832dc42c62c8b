"""Multi-step inverse dynamics, to compare with (AC-State: Lamb et al. 2022, arXiv:2207.08229)."""

from .model import Config, Inverse, build, data, evaluate

__all__ = ["Config", "Inverse", "build", "data", "evaluate"]
