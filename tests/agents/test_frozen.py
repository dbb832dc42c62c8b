"""Planning with anybody's encoder: its dynamics are those of the codes, and what can't be planned with is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor, nn

from unbraid.agents import frozen
from unbraid.envs import make_factored
from unbraid.errors import InputError
from unbraid.experiments.encoders import encoder, transitions

PLANAR, RULES = "unbraid.envs:unbraid/Planar-v0", {"protocol": "pcc"}
QUICK = frozen.Config(steps=400)
FIRST = torch.tensor([1, 0]).view(1, 1, 2, 1)
BOX = spaces.Box(-6, 2, (2,), np.float32)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pixels(images: Tensor) -> Tensor:
    """A state that is written down in two pixels."""
    return images.float().flatten(1)


def moves(n: int = 600) -> frozen.Moves:
    """States from 20 to 200; of actions, between -6 and 2, the first is added to the first state three times over."""
    image = torch.randint(20, 200, (n, 1, 2, 1), generator=draws(), dtype=torch.uint8)
    action = torch.randint(-6, 3, (n, 2), generator=draws(1)).float()
    return frozen.Moves(image, action, (image + 3 * action[:, 0].view(-1, 1, 1, 1) * FIRST).to(torch.uint8))


def test_dynamics_of_codes_are_those_of_the_system() -> None:
    """z' = z + B u, where z is the state by its deviation: B = 3 / deviation of the first action on the first state."""
    found = moves()
    model = frozen.learn(pixels, found, BOX, 0, QUICK)
    assert model.held_out > 0.999
    z = model.encode(found.image)
    assert z.mean(0).abs().max() < 1e-4 and float(z.square().mean()) == pytest.approx(1, abs=1e-4)
    assert not model.transition.push.requires_grad
    a, b = model.jacobians(z, found.action)
    torch.testing.assert_close(model.next(z, found.action), model.encode(found.next_image), atol=0.03, rtol=0)
    b = b.mean(0) * model.scale
    torch.testing.assert_close(b, torch.tensor([[3.0, 0.0], [0.0, 0.0]]), atol=0.1, rtol=0)
    torch.testing.assert_close(a.mean(0), torch.eye(2), atol=0.05, rtol=0)


def test_of_actions_of_a_list_the_largest_number_is_taken() -> None:
    """Three of them, which take 5 off the first pixel, do nothing, and add 5."""
    found = moves()
    number = torch.randint(3, (len(found.image),), generator=draws(2))
    after = found.image + 5 * (number - 1).view(-1, 1, 1, 1) * FIRST
    space = spaces.Discrete(3, start=10)
    model = frozen.learn(pixels, frozen.Moves(found.image, number + 10, after.to(torch.uint8)), space, 0, QUICK)
    assert model.held_out > 0.99
    z = model.encode(found.image[:3])
    chosen = torch.tensor([[0.9, 0.2, -1.0], [-0.8, -0.1, -0.2], [0.1, 0.2, 0.3]])
    moved = (model.next(z, chosen) - z) * model.scale
    torch.testing.assert_close(moved, torch.tensor([[-5.0, 0.0], [0.0, 0.0], [5.0, 0.0]]), atol=0.5, rtol=0)


@pytest.mark.parametrize(
    ("encode", "words"),
    [
        (lambda x: x.float(), r"gives \(600, 1, 2, 1\) for 600 images; codes \(B, K\) are needed"),
        (lambda x: torch.zeros(len(x), 2), "the same code for all images"),
        (lambda x: torch.full((len(x), 2), float("nan")), "NaN or infinite"),
        (nn.Linear(3, 2), r"fails on uint8 images \(B, 1, 2, 1\)"),
    ],
)
def test_what_is_no_encoder_is_refused(encode: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        frozen.learn(encode, moves(), BOX, 0, QUICK)


def test_too_few_transitions_are_refused() -> None:
    with pytest.raises(InputError, match="at least 20 transitions, not 19"):
        frozen.learn(pixels, moves(19), BOX, 0)


class Bright(nn.Module):
    """Where it is bright: the mean row and column of what is above the mean image of Planar."""

    def forward(self, x: Tensor) -> Tensor:
        env = make_factored(PLANAR, 2, **RULES)
        env.reset(seed=0)
        empty = env.observe().float().amin(0)[..., 0] / 255
        shown = (x[:, 0] - empty).clamp_min(0)
        weights = shown / shown.sum((1, 2), keepdim=True).clamp_min(1e-6)
        places = torch.arange(x.shape[2]).float()
        return torch.stack([(weights.sum(2) * places).sum(1), (weights.sum(1) * places).sum(1)], 1)


def test_a_module_that_sees_the_place_plans_as_the_true_state_does() -> None:
    found, space = transitions(PLANAR, 1500, 0, **RULES), make_factored(PLANAR, 1, **RULES).single_action_space
    model = frozen.learn(encoder(f"{__name__}:Bright", found.image, 10), found, space, 0, QUICK)
    numbers, trip = frozen.plan(model, PLANAR, 5, 1, **RULES)
    assert numbers["success_rate"] == 1 and numbers["goal_time"] > 70 and numbers["latents"] == 2
    assert numbers["foretold"] == model.held_out > 0.9 and len(trip.images) == 41


def test_transitions_are_the_same_however_they_are_parted() -> None:
    whole, few = transitions(PLANAR, 510, 3, **RULES), transitions(PLANAR, 20, 3, **RULES)
    for one, other in zip(whole, few, strict=True):
        assert torch.equal(one[:20], other)
    assert len(whole.image) == 510


def test_principal_components_are_the_pixels_own() -> None:
    found = transitions(PLANAR, 200, 0, **RULES)
    codes = encoder("pca", found.image, 5)(found.image)
    covariance = torch.cov(codes.T)
    assert codes.mean(0).abs().max() < 1e-3
    off = covariance - torch.diag(covariance.diagonal())
    assert float(off.abs().max()) < 1e-3 * float(covariance[0, 0])
    assert bool((covariance.diagonal().diff() <= 1e-6).all())
    with pytest.raises(InputError, match="--latents must be from 1 to 200 for these images, not 300"):
        encoder("pca", found.image, 300)


def test_the_command_plans_with_runs_modules_and_pixels(tmp_path: Path, cli: Any, monkeypatch: Any) -> None:
    (tmp_path / "encoders_of_mine.py").write_text(
        "def corner(x):\n    return x[:, 0, :2, :2].flatten(1) + x.mean((2, 3))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    few = ("--episodes", 2, "--rows", 40, "--max-steps", 2, "--device", "cpu", "--json")
    planar = ("--env", PLANAR, "--env-options", "protocol=pcc")
    done = cli("train", "vae", *planar, "--steps", 2, "--batch-size", 4, "--device", "cpu", "--out", tmp_path / "vae")
    assert done.status == 0, done.err
    for name, more in ((tmp_path / "vae", ()), ("encoders_of_mine:corner", planar), ("pca", planar)):
        done = cli("plan", "--encoder", name, *more, *few)
        assert done.status == 0, done.err
        found = json.loads(done.out)
        assert {"success_rate", "goal_time", "planning_loss", "seconds_per_episode", "foretold"} <= set(found)
    done = cli("plan", "--encoder", "pca", "--env", "unbraid/Maze-v0", *few, "--planner", "icem")
    assert done.status == 0, done.err
    for wrong, words in (
        (("--encoder", "pca"), "needs --env"),
        ((), "give one of RUN and --encoder"),
        ((tmp_path / "vae", "--encoder", "pca"), "give one of RUN and --encoder"),
        ((tmp_path / "vae", "--env", PLANAR), "--env goes with --encoder"),
        (("--encoder", "pca", "--env", "unbraid/Maze-v0", "--rows", 40, "--planner", "ilqr"), "ilqr needs actions"),
        (("--encoder", "encoders_of_mine:nothing", *planar, "--rows", 40), "can't be imported"),
        (("--encoder", "encoders_of_mine:corner", *planar, "--latents", 3), "--latents goes with --encoder pca"),
        (("--encoder", "pca", *planar, "--observe", "y"), "--observe is not for --encoder"),
        (("--encoder", "pca", *planar, "--rows", 0), "--rows must be at least 1"),
    ):
        done = cli("plan", *wrong)
        assert done.status == 2 and words in done.err and done.err.count("\n") == 1, done.err
