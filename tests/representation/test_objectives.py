"""Objectives against values worked out by hand, on two images and two latents."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from unbraid.errors import InputError, UnknownNameError
from unbraid.representation.likelihoods import Bernoulli
from unbraid.representation.objectives import (
    ada_gvae,
    beta,
    beta_tcvae,
    capacity,
    covariance,
    dip_vae,
    factor_vae,
    grouped_vae,
    mutual_information,
    name_of,
    names,
    non_synergistic,
    objective,
    qlae,
)
from unbraid.representation.objectives._terms import Batch, gaussian_kl, gaussian_log_density, sample

MU = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
IMAGES = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]]).view(2, 3, 1, 1)
LOGITS = torch.tensor([[0.0, math.log(3), math.log(3)], [0.0, 0.0, -math.log(3)]]).view(2, 3, 1, 1)
DISTORTION = 0.5 * ((math.log(2) - math.log(1 / 4) - math.log(3 / 4)) + (2 * math.log(2) - math.log(1 / 4)))


class Given(nn.Module):
    """A model whose posterior and logits are given; its decoder is linear where there are none."""

    def __init__(self, mu: Tensor, logvar: Tensor | None = None, logits: Tensor | None = LOGITS) -> None:
        super().__init__()
        self.mu = nn.Parameter(mu.clone())
        self.logvar = nn.Parameter(torch.zeros_like(mu) if logvar is None else logvar.clone())
        self.logits, self.extra = logits, None
        self.weight = nn.Parameter(torch.linspace(-1, 1, 3 * mu.shape[1], dtype=mu.dtype).view(-1, 3))
        self.codes: list[Tensor] = []

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.mu[: len(x)], self.logvar[: len(x)]

    def decoder(self, z: Tensor) -> Tensor:
        self.codes.append(z)
        return (z @ self.weight).view(-1, 3, 1, 1) if self.logits is None else self.logits

    def distortion(self, x: Tensor, params: Tensor) -> Tensor:
        return Bernoulli().distortion(x, params)

    def mean_image(self, params: Tensor) -> Tensor:
        return params.sigmoid()


def batch(noise: float = 0.0, step: int = 0, partner: Tensor | None = None, draws: int = 2) -> Batch:
    return Batch(IMAGES, IMAGES, partner, torch.full((draws, 2, 2), noise), step)


def terms(module: Any, config: Any, model: Any, inputs: Batch | None = None) -> dict[str, float]:
    found = module.loss_terms(config, model, batch() if inputs is None else inputs)
    return {name: float(value.detach()) for name, value in found.items()}


def test_bernoulli_distortion_by_hand() -> None:
    assert Bernoulli().distortion(IMAGES, LOGITS).item() == pytest.approx(DISTORTION)


def test_gaussian_kl_by_hand_and_against_torch() -> None:
    mu = torch.tensor([[0.0, 1.0], [-2.0, 0.5]])
    logvar = torch.tensor([[0.0, 0.0], [math.log(4), -1.0]])
    kl = gaussian_kl(mu, logvar)
    assert kl[0].tolist() == pytest.approx([0, 0.5])
    assert kl[1, 0].item() == pytest.approx(0.5 * (4 + 4 - math.log(4) - 1))
    normal = torch.distributions.Normal
    assert torch.allclose(kl, torch.distributions.kl_divergence(normal(mu, (logvar / 2).exp()), normal(0, 1)))
    assert torch.allclose(gaussian_log_density(kl, mu, logvar), normal(mu, (logvar / 2).exp()).log_prob(kl))


@pytest.mark.parametrize("weight", [0.0, 1.0, 4.0])
def test_beta_vae_weighs_the_rate(weight: float) -> None:
    found = terms(beta, beta.Config(beta=weight), Given(MU))
    assert found["kl"] == pytest.approx((0.5 + 2) / 2)
    assert found["reconstruction"] == pytest.approx(DISTORTION)
    assert found["loss"] == pytest.approx(DISTORTION + weight * 1.25)


@pytest.mark.parametrize(("step", "target"), [(0, 1.0), (5, 2.0), (10, 3.0), (99, 3.0)])
def test_capacity_pays_for_the_distance_from_a_rising_target(step: int, target: float) -> None:
    config = capacity.Config(gamma=10, start=1, capacity=3, rise=10)
    assert config.target(step) == pytest.approx(target)
    found = terms(capacity, config, Given(MU), batch(step=step))
    assert found["loss"] == pytest.approx(DISTORTION + 10 * abs(1.25 - target))
    assert capacity.Config(capacity=9).target(step, steps=100) == pytest.approx(min(9, step / 10))


def test_factor_vae_takes_the_mean_logit_for_the_total_correlation() -> None:
    model = Given(MU)
    model.extra = nn.Linear(2, 1)  # type: ignore[assignment]
    with torch.no_grad():
        model.extra.weight.copy_(torch.tensor([[1.0, -2.0]]))  # type: ignore[attr-defined]
        model.extra.bias.fill_(0.5)  # type: ignore[attr-defined]
    found = factor_vae.loss_terms(factor_vae.Config(gamma=4), model, batch())  # type: ignore[arg-type]
    tc = ((1 + 0.5) + (-4 + 0.5)) / 2
    assert found["loss"].item() == pytest.approx(DISTORTION + 1.25 + 4 * tc)
    found["loss"].backward()
    assert model.mu.grad is not None and model.extra.weight.grad is None  # type: ignore[attr-defined]


def test_the_discriminator_tells_codes_from_permuted_ones() -> None:
    model: Any = Given(MU)
    model.extra = nn.Linear(2, 1)
    with torch.no_grad():
        model.extra.weight.copy_(torch.tensor([[1.0, 1.0]]))
        model.extra.bias.zero_()
    noise = torch.tensor([[[0.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 1.0]]])  # swaps the second latent alone
    loss = factor_vae.second_terms(factor_vae.Config(), model, Batch(IMAGES, IMAGES, None, noise, 0))["loss"]
    joint = (math.log1p(math.exp(-1)) + math.log1p(math.exp(-2))) / 2
    apart = (math.log1p(math.exp(3)) + math.log1p(math.exp(0))) / 2
    assert loss.item() == pytest.approx((joint + apart) / 2)
    loss.backward()
    assert model.mu.grad is None and model.extra.weight.grad is not None


def test_the_paper_discriminator_has_six_layers_of_a_thousand() -> None:
    sizes = [part.weight.shape for part in factor_vae.extra(factor_vae.Config(), 10) if isinstance(part, nn.Linear)]  # type: ignore[attr-defined]
    assert sizes == [(1000, 10), *[(1000, 1000)] * 5, (1, 1000)]


@pytest.mark.parametrize("estimator", ["weighted", "stratified"])
def test_the_three_parts_of_beta_tcvae_add_up_to_the_rate_of_the_samples(estimator: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    mu, logvar, noise = torch.randn(3, 2, 2, generator=generator)
    model = Given(mu, logvar)
    found = terms(
        beta_tcvae, beta_tcvae.Config(1, 1, 1, estimator=estimator), model, batch()._replace(noise=noise[None])
    )
    z = sample(mu, logvar, noise)
    log_ratio = gaussian_log_density(z, mu, logvar) - gaussian_log_density(z, torch.zeros(2, 2), torch.zeros(2, 2))
    assert found["loss"] == pytest.approx(DISTORTION + log_ratio.sum(1).mean().item(), rel=1e-5)


def test_minibatch_weighted_sampling_by_hand() -> None:
    """Two images, latents at their means: q(z) is known to a factor 1 / (2 N)."""
    found = terms(beta_tcvae, beta_tcvae.Config(alpha=1, beta=0, gamma=0, dataset_size=10), Given(MU))
    own, far = -math.log(2 * math.pi), -math.log(2 * math.pi) - 0.5 * (1 + 4)
    joint = math.log((math.exp(own) + math.exp(far)) / 20)
    assert found["mutual information"] == pytest.approx(own - joint, rel=1e-5)


def test_stratified_weights_are_unbiased() -> None:
    """Over all batches of 3 out of 4 images that hold image 0 first, the estimate of q(z_0) is the mean of q(z_0|n)."""
    density = torch.tensor([0.7, 0.2, 0.05, 0.4], dtype=torch.float64)
    weights = beta_tcvae.log_weights(beta_tcvae.Config(dataset_size=4, estimator="stratified"), 3).exp()[0].double()
    others = [(a, b) for a in (1, 2, 3) for b in (1, 2, 3) if a != b]
    estimates = [float((weights * density[[0, a, b]]).sum()) for a, b in others]
    assert sum(estimates) / len(estimates) == pytest.approx(float(density.mean()), rel=1e-6)
    with pytest.raises(ValueError, match="dataset_size must be at least the batch's size, 3, not 2"):
        beta_tcvae.log_weights(beta_tcvae.Config(dataset_size=2, estimator="stratified"), 3)


@pytest.mark.parametrize("variant", [1, 2])
def test_dip_vae_draws_the_covariance_to_the_identity(variant: Any) -> None:
    model: Any = Given(MU, torch.full((2, 2), math.log(0.25)))
    config = dip_vae.Config(lambda_od=3, lambda_d=5, variant=variant, memory=1)
    model.extra = dip_vae.extra(config, 2)
    found = terms(dip_vae, config, model)
    added = 0.25 if variant == 2 else 0  # the covariance of the means is [[.5, -1], [-1, 2]]
    assert found["off-diagonal"] == pytest.approx(2)
    assert found["diagonal"] == pytest.approx((0.5 + added - 1) ** 2 + (2 + added - 1) ** 2)
    kl = 1.25 + 2 * 0.5 * (0.25 - math.log(0.25) - 1)
    assert found["loss"] == pytest.approx(DISTORTION + kl + 3 * found["off-diagonal"] + 5 * found["diagonal"])


def test_dip_vae_keeps_a_running_covariance_with_gradients_into_the_present_alone() -> None:
    running = dip_vae.RunningCovariance(2)
    first = running(torch.tensor([[3.0, 1.0], [1.0, 2.0]]), 1.0)
    assert first.tolist() == [[3, 1], [1, 2]]
    present = torch.zeros(2, 2, requires_grad=True)
    running(present, 0.25).sum().backward()
    assert running.covariance.tolist() == [[2.25, 0.75], [0.75, 1.5]]
    assert present.grad is not None and present.grad.tolist() == [[0.25, 0.25], [0.25, 0.25]]


def test_grouped_vae_trains_each_group_by_its_own_term() -> None:
    z = torch.arange(1.0, 7).view(2, 3).requires_grad_()
    parts = grouped_vae.prefixes(z, 2)
    assert parts.tolist() == [[[1, 2, 0], [4, 5, 0]], [[1, 2, 3], [4, 5, 6]]]
    (gradient,) = torch.autograd.grad(parts[1].sum(), z, retain_graph=True)
    assert gradient.tolist() == [[0, 0, 1], [0, 0, 1]]
    (gradient,) = torch.autograd.grad(parts[0].sum(), z)
    assert gradient.tolist() == [[1, 1, 0], [1, 1, 0]]
    with pytest.raises(ValueError, match="groups must be at most the number of latents, 3, not 4"):
        grouped_vae.prefixes(z, 4)


def test_grouped_vae_adds_the_terms_of_all_prefixes() -> None:
    model = Given(MU, logits=None)
    found = terms(grouped_vae, grouped_vae.Config(groups=2, beta=2), model)
    codes = (MU * torch.tensor([1.0, 0.0]), MU)
    expected = [model.distortion(IMAGES, model.decoder(code)).item() for code in codes]
    assert found["reconstruction 1"] == pytest.approx(expected[0])
    assert found["loss"] == pytest.approx(sum(expected) + 2 * 1.25, rel=1e-6)


def test_the_worst_subset_is_what_no_longer_pays() -> None:
    kl = torch.tensor([0.1, 3.0, 0.0, 1.0])
    assert non_synergistic.worst(kl, 0.7).tolist() == [True, False, True, True]  # .7 (3 + 1) < 3
    assert non_synergistic.worst(kl, 0.8).tolist() == [True, False, True, False]  # .8 (3 + 1) > 3, .8 (4 + .1) < 4
    assert not non_synergistic.worst(torch.tensor([1.0, 1.0]), 0.6).any()
    moved = non_synergistic.worst(kl.flip(0), 0.8)
    assert moved.tolist() == [False, True, False, True]


def test_the_second_step_of_the_non_synergistic_vae_shares_the_optimiser() -> None:
    model: Any = Given(MU)
    model.encoder = nn.Linear(1, 1)
    turn = non_synergistic.second_turn(non_synergistic.Config(), model)
    assert turn.shared and turn.parameters == list(model.encoder.parameters())


def test_the_second_step_of_the_non_synergistic_vae_is_on_the_worst_latents_of_the_encoder() -> None:
    model = Given(torch.tensor([[2.0, 1.0], [0.0, 1.0]]))
    loss = non_synergistic.second_terms(non_synergistic.Config(alpha=3, omega=0.5), model, batch())["loss"]  # type: ignore[arg-type]
    assert loss.item() == pytest.approx(3 * 0.5)
    loss.backward()
    assert model.mu.grad is not None and model.mu.grad.tolist() == [[0, 1.5], [0, 1.5]]


@pytest.mark.parametrize(("part", "asked"), [("all", 2), ("half", 1)])
def test_mutual_information_is_bounded_by_how_well_codes_are_told(part: Any, asked: int) -> None:
    model = Given(MU, torch.full((2, 2), math.log(0.25)))
    config = mutual_information.Config(lambda_mi=2, part=part)
    found = terms(mutual_information, config, model, batch(noise=0.5))
    log_q = gaussian_log_density(torch.full((2, 2), 0.5), model.mu, model.logvar)[:, :asked].sum(1).mean().item()
    bound = log_q + asked * 0.5 * math.log(2 * math.pi * math.e)
    assert found["mutual information"] == pytest.approx(bound, rel=1e-6)
    assert found["loss"] == pytest.approx(found["reconstruction"] + found["kl"] - 2 * bound, rel=1e-6)


def test_a_code_that_is_told_perfectly_holds_all_the_information_its_precision_allows() -> None:
    noise = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    model = Given(noise, torch.full((2, 2), -8.0))
    found = terms(mutual_information, mutual_information.Config(), model)
    assert found["mutual information"] == pytest.approx(2 * (0.5 + 4), rel=1e-6)  # log of 1 / sigma, and 1/2 each


def test_the_covariance_penalty_by_hand() -> None:
    found = terms(covariance, covariance.Config(lambda_sigma=2), Given(MU))
    assert found["covariance"] == pytest.approx((0.5 + 1 + 1 + 2) / 4)
    assert found["loss"] == pytest.approx(DISTORTION + 2 * 4.5 / 4)
    found = terms(covariance, covariance.Config(lambda_sigma=2, penalty="l1"), Given(MU))
    assert found["l1"] == pytest.approx(3 / 4)


def test_an_autoencoder_decodes_its_means_and_a_vae_samples() -> None:
    for sampled, code in ((False, MU), (True, MU + 0.5)):
        model = Given(MU)
        terms(covariance, covariance.Config(sampled=sampled), model, batch(noise=0.5))
        assert torch.equal(model.codes[0], code)


def test_ada_gvae_shares_the_latents_that_hardly_differ() -> None:
    one = (torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1, 3))
    other = (torch.tensor([[4.0, 0.2, 1.0]]), torch.tensor([[0.0, math.log(3), 0.0]]))
    first, second = ada_gvae.averaged(one, other)
    assert first[0].tolist()[0] == pytest.approx([0, 0.1, 1])
    assert second[0].tolist()[0] == pytest.approx([4, 0.1, 1])
    assert first[1].exp().tolist()[0] == pytest.approx([1, 2, 1])
    assert second[1].exp().tolist()[0] == pytest.approx([1, 2, 1])


def test_ada_gvae_is_a_beta_vae_on_pairs_of_the_same_posterior() -> None:
    found = terms(ada_gvae, ada_gvae.Config(beta=3), Given(MU), batch(partner=IMAGES))
    assert found["loss"] == pytest.approx(DISTORTION + 3 * 1.25, rel=1e-6)
    assert found["changed"] == 0


def test_qlae_decodes_the_nearest_values_and_passes_gradients_straight_through() -> None:
    model: Any = Given(torch.tensor([[0.1, 0.4], [-0.4, 0.2]]), logits=None)
    config = qlae.Config(values=3, quantisation=2, commitment=5)
    model.extra = qlae.extra(config, 2)
    assert model.extra.values.tolist() == [[-0.5, 0, 0.5]] * 2
    found = qlae.loss_terms(config, model, batch())
    assert model.codes[0].tolist() == [[0, 0.5], [-0.5, 0]]
    distance = (0.1**2 + 0.1**2 + 0.1**2 + 0.2**2) / 2
    assert found["loss"].item() == pytest.approx(found["reconstruction"].item() + 7 * distance * 3 / 2, rel=1e-5)
    (straight,) = torch.autograd.grad(found["reconstruction"], model.mu, retain_graph=True)
    assert straight.abs().min() > 0
    found["loss"].backward()
    assert model.extra.values.grad.abs().sum() > 0
    assert qlae.code(config, model, model.mu).tolist() == [[0, 0.5], [-0.5, 0]]


@pytest.mark.parametrize("name", names())
def test_gradients_agree_with_finite_differences(name: str) -> None:
    if name == "qlae":  # its gradient is not that of a function: it is passed straight through
        return
    kind = objective(name)
    config = kind.Config()
    generator = torch.Generator().manual_seed(1)
    mu, logvar = torch.randn(2, 2, 2, dtype=torch.float64, generator=generator)
    noise = torch.randn(2, 2, 2, dtype=torch.float64, generator=generator)
    model: Any = Given(mu, logvar, logits=None)
    model.extra = kind.extra(config, 2).double() if kind.extra else None
    before = copy.deepcopy(model.extra) if name == "dip_vae" else None
    inputs = Batch(IMAGES.double(), IMAGES.double(), IMAGES.double(), noise, 1)

    def loss(mu: Tensor, logvar: Tensor) -> Tensor:
        del model._parameters["mu"], model._parameters["logvar"]
        model.mu, model.logvar = mu, logvar
        if before is not None:
            model.extra.load_state_dict(before.state_dict())
        found = kind.loss_terms(config, model, inputs)["loss"]
        del model.mu, model.logvar
        model._parameters["mu"] = model._parameters["logvar"] = None
        return found

    if name == "grouped_vae":  # earlier groups are constants in later terms, so ask of one group
        config = kind.Config(groups=1)
    assert torch.autograd.gradcheck(loss, [part.clone().requires_grad_() for part in (mu, logvar)])


@pytest.mark.parametrize("name", names())
def test_every_objective_has_a_config_that_names_its_bad_values(name: str) -> None:
    config = objective(name).Config
    field = next(field for field, kind in config.__annotations__.items() if kind in ("float", "int"))
    with pytest.raises(ValueError, match=rf"{field} must be (at least|from) .*, not -2"):
        config(**{field: -2})
    assert name_of(config()) == name


def test_objectives_are_found_by_their_file_names(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="unknown objective 'bata'; did you mean beta"):
        objective("bata")
    with pytest.raises(InputError, match="objective 'nowhere:mine' can't be imported"):
        objective("nowhere:mine")
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sparse.py").write_text(
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass Config:\n    weight: float = 1.0\n"
        "def loss_terms(config, model, batch):\n    mu, _ = model.posterior(batch.seen)\n"
        "    return {'loss': config.weight * mu.abs().sum(1).mean()}\n"
    )
    (tmp_path / "half.py").write_text("class Config: pass\n")
    found = objective("mine:sparse")
    assert name_of(found.Config()) == "mine:sparse"
    assert terms(found, found.Config(), Given(MU))["loss"] == pytest.approx(1.5)
    with pytest.raises(InputError, match="objective 'half:half' lacks loss_terms"):
        objective("half:half")
