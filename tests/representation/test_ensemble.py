"""An ensemble ends where its members would have ended alone."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from unbraid.envs import make_factored
from unbraid.errors import InputError
from unbraid.representation import vae
from unbraid.representation.data import image_shape
from unbraid.representation.ensemble import Ensemble, EnsembleData
from unbraid.representation.objectives import beta, covariance, name_of, names, objective
from unbraid.representation.objectives._terms import Batch
from unbraid.representation.training import FitOptions, fit

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*")
OPTIONS = FitOptions(steps=3, learning_rate=1e-3, device="cpu")


def config(kind: Any) -> vae.Config:
    small = {"units": 8} if name_of(kind) == "factor_vae" else {}
    draw: Any = "pairs" if objective(name_of(kind)).pairs else "fresh"
    return vae.Config(dataclasses.replace(kind, **small), latents=3, batch_size=4, draw=draw)


class Doubled(vae.VAE):
    """In double precision, so that rounding doesn't hide a difference."""

    def prepare(self, batch: Any, step: int, generator: torch.Generator) -> Batch:
        inputs = super().prepare(batch, step, generator)
        return Batch(*[part.double() if isinstance(part, torch.Tensor) else part for part in inputs])  # type: ignore[arg-type]


def parts(chosen: vae.Config, seed: int) -> tuple[Doubled, Any]:
    env = make_factored("unbraid/Sprites-v0", chosen.batch_size)
    learner = Doubled(image_shape(env), chosen, torch.Generator().manual_seed(seed))
    return learner.double(), vae.data(chosen, env, seed)


def alone(chosen: vae.Config, seed: int, folder: Path) -> dict[str, torch.Tensor]:
    learner, data = parts(chosen, seed)
    fit(learner, data, dataclasses.replace(OPTIONS, seed=seed), folder)
    return learner.state_dict()


def together(chosen: list[vae.Config], seeds: list[int], folder: Path, vary: tuple[str, ...] = ()) -> list[Any]:
    made = [parts(one, seed) for one, seed in zip(chosen, seeds, strict=True)]
    ensemble = Ensemble([learner for learner, _ in made], vary)
    fit(ensemble, EnsembleData([data for _, data in made], seeds), OPTIONS, folder)
    return [member.state_dict() for member in ensemble.members()]


def difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    return max(float((one[name] - other[name]).abs().max()) for name in one)


@pytest.mark.parametrize("name", names())
def test_members_of_other_seeds_end_where_they_would_alone(name: str, tmp_path: Path) -> None:
    chosen = config(objective(name).Config())
    members = together([chosen, chosen], [5, 6], tmp_path / "all")
    for i, seed in enumerate((5, 6)):
        assert difference(members[i], alone(chosen, seed, tmp_path / str(seed))) < 1e-9
    assert difference(members[0], members[1]) > 1e-3


def test_members_penalise_a_layer_of_their_own(tmp_path: Path) -> None:
    chosen = config(covariance.Config(layer="encoder.4", lambda_sigma=50.0))
    members = together([chosen, chosen], [5, 6], tmp_path / "all")
    for i, seed in enumerate((5, 6)):
        assert difference(members[i], alone(chosen, seed, tmp_path / str(seed))) < 1e-9
    unpenalised = config(covariance.Config(layer="encoder.4", lambda_sigma=0.0))
    assert difference(members[0], alone(unpenalised, 5, tmp_path / "none")) > 1e-5


def test_members_of_other_coefficients_end_where_they_would_alone(tmp_path: Path) -> None:
    chosen = [config(beta.Config(beta=weight)) for weight in (0.0, 1.0, 16.0)]
    members = together(chosen, [5, 5, 5], tmp_path / "all", vary=("beta",))
    for i, one in enumerate(chosen):
        assert difference(members[i], alone(one, 5, tmp_path / str(i))) < 1e-9
    with pytest.raises(InputError, match="beta differs between the members; name it in vary"):
        together(chosen, [5, 5, 5], tmp_path / "none", vary=())


def test_an_ensemble_resumes_to_the_same_weights(tmp_path: Path) -> None:
    chosen = config(beta.Config())
    made = [parts(chosen, seed) for seed in (1, 2)]
    first, sources = Ensemble([learner for learner, _ in made]), [data for _, data in made]
    fit(first, EnsembleData(sources, [1, 2]), dataclasses.replace(OPTIONS, steps=3), tmp_path / "whole")
    half = copy.deepcopy(OPTIONS)
    again = [parts(chosen, seed) for seed in (1, 2)]
    second = Ensemble([learner for learner, _ in again])
    stopping = EnsembleData([data for _, data in again], [1, 2])
    draws = iter(range(2))
    whole = stopping.draw
    stopping.draw = lambda: whole() if next(draws, None) is not None else (_ for _ in ()).throw(RuntimeError("stop"))  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="stop"):
        fit(second, stopping, dataclasses.replace(half, checkpoint_every=1), tmp_path / "half")
    third = Ensemble([parts(chosen, seed)[0] for seed in (1, 2)])
    fit(third, EnsembleData([parts(chosen, seed)[1] for seed in (1, 2)], [1, 2]), half, tmp_path / "half")
    assert difference(dict(first.state_dict()), dict(third.state_dict())) == 0


def test_an_ensemble_encodes_and_decodes_with_every_member() -> None:
    chosen = config(beta.Config())
    ensemble = Ensemble([parts(chosen, seed)[0].float() for seed in (1, 2)])
    images = parts(chosen, 0)[1].draw().image
    codes = ensemble.encode(images)
    assert codes.shape == (2, 4, 3) and not torch.equal(codes[0], codes[1])
    assert ensemble.decode(codes).shape == (2, *images.shape)


def test_a_member_s_loss_bears_its_name() -> None:
    chosen = config(beta.Config())
    made = [parts(chosen, seed) for seed in (1, 2)]
    ensemble = Ensemble([learner for learner, _ in made], labels=["one", "two"])
    batch = EnsembleData([data for _, data in made], [1, 2]).draw()
    terms = ensemble(ensemble.prepare(batch, 0, torch.Generator()))
    assert float(terms["loss of one"] + terms["loss of two"]) == pytest.approx(float(terms["loss"].detach()))
