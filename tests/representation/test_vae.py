"""What a VAE says of its own reconstructions, and which settings it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from unbraid.errors import InputError
from unbraid.representation.data import StoredImages
from unbraid.representation.networks import ImageShape
from unbraid.representation.objectives import ada_gvae, beta_tcvae
from unbraid.representation.vae import VAE, Config, build


def test_errors_are_those_of_what_it_draws() -> None:
    learner = VAE(ImageShape(16, 16, 1), Config(latents=2), torch.Generator().manual_seed(0))
    images = torch.randint(256, (300, 16, 16, 1), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    found = learner.errors(images)
    drawn = learner.decode(learner.encode(images))
    assert found["squared"] == pytest.approx(float((drawn / 255 - images / 255).square().mean()), abs=1e-3)
    with torch.no_grad():
        mu, logvar = learner.posterior(images.permute(0, 3, 1, 2) / 255)
    kl = 0.5 * (mu.square() + logvar.exp() - logvar - 1).sum(1).mean()
    assert found["kl"] == pytest.approx(float(kl), rel=1e-4)
    assert 256 * 0.69 < found["nats"] < 256 * 0.75, "an untrained decoder says about .5 of every pixel"
    assert found == learner.errors(images) != learner.errors(images, seed=1)


def test_pairs_are_compared_as_they_are() -> None:
    with pytest.raises(InputError, match="'ada_gvae' compares an image with its partner: no corruption"):
        Config(ada_gvae.Config(), draw="pairs", corruption=0.1)


def test_stored_images_are_counted_where_their_number_counts() -> None:
    stored = StoredImages(np.zeros((20, 16, 16), np.uint8), 4, 0)
    for stated, wanted in ((None, 20), (7, 7)):
        config = Config(objective=beta_tcvae.Config(dataset_size=stated))
        assert build(config, stored, torch.Generator()).coefficients.dataset_size == wanted
