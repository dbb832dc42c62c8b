"""beta-VAE: reconstruction plus beta times the rate (Higgins et al. 2017, ICLR, equation 4)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ._terms import ANY, Batch, Model, check, rate, run


@dataclass(frozen=True)
class Config:
    """Coefficients of the beta-VAE.

    Args:
        beta: Weight of the KL divergence; 1 is the plain VAE (Kingma & Welling 2014).
    """

    beta: float = 1.0

    def __post_init__(self) -> None:
        check(self, beta=ANY)


def loss_terms(config: Config, model: Model, batch: Batch) -> dict[str, Tensor]:
    """``loss = reconstruction + beta * kl``."""
    output = run(model, batch)
    kl = rate(output)
    return {"loss": output.reconstruction + config.beta * kl, "reconstruction": output.reconstruction, "kl": kl}
