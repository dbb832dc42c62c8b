"""The bridge to Stable-Baselines3: encoders as features, options as actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from stable_baselines3 import PPO
from torch import Tensor, nn

import unbraid.envs
from unbraid.agents import diayn, icf, icf_continuous
from unbraid.agents.sb3 import ContinuousFactorActions, EncoderFeatures, FactorActions
from unbraid.envs import make_factored
from unbraid.errors import InputError
from unbraid.representation import vae

MAZE = "unbraid/MazeGoal-v0"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
assert unbraid.envs


def agent() -> icf.ICF:
    return icf.build(icf.Config(), make_factored(MAZE, 2), torch.Generator().manual_seed(0)).eval()


def ppo(learner: Any, frozen: bool) -> PPO:
    kwargs = {
        "features_extractor_class": EncoderFeatures,
        "features_extractor_kwargs": {"learner": learner, "frozen": frozen},
    }
    return PPO(
        "CnnPolicy",
        gymnasium.make(MAZE),
        n_steps=16,
        batch_size=8,
        n_epochs=1,
        policy_kwargs=kwargs,
        seed=0,
        device="cpu",
    )


def weights(module: nn.Module) -> Tensor:
    return torch.cat([part.detach().flatten().clone() for part in module.parameters()])


@pytest.mark.parametrize("frozen", [True, False])
def test_ppo_trains_on_a_trained_encoder_and_leaves_a_frozen_one_alone(frozen: bool) -> None:
    learner = agent()
    model = ppo(learner, frozen)
    extractor: Any = model.policy.features_extractor
    before, head = weights(extractor.learner.encoder), weights(model.policy.action_net)
    model.learn(16)
    assert torch.equal(weights(extractor.learner.encoder), before) == frozen
    assert not torch.equal(weights(model.policy.action_net), head)


def test_features_are_the_learners_codes() -> None:
    learner = agent()
    env = gymnasium.make(MAZE)
    image, _ = env.reset(seed=0)
    model = ppo(learner, True)
    seen, _ = model.policy.obs_to_tensor(np.moveaxis(image, 2, 0)[None])
    assert torch.allclose(
        model.policy.extract_features(seen, model.policy.features_extractor),
        learner.encode(torch.as_tensor(image[None])),
        atol=1e-6,
    )


def test_a_vae_serves_as_well_and_is_saved_along(tmp_path: Path) -> None:
    learner = vae.build(vae.Config(latents=3), make_factored(MAZE, 2), torch.Generator().manual_seed(0))
    model = ppo(learner, True)
    model.save(tmp_path / "ppo")
    again = PPO.load(tmp_path / "ppo", device="cpu")
    image = np.zeros((3, 64, 64), np.uint8)
    assert again.policy.features_extractor.features_dim == 3
    assert again.predict(image, deterministic=True)[0] == model.predict(image, deterministic=True)[0]


def test_images_that_the_encoder_cannot_read_are_refused() -> None:
    with pytest.raises(InputError, match="the encoder can't read observations"):
        EncoderFeatures(spaces.Box(0, 255, (32, 32, 3), np.uint8), agent())
    for space in (spaces.Box(0, 1, (4,)), spaces.Dict(image=spaces.Box(0, 255, (64, 64, 3), np.uint8))):
        with pytest.raises(InputError, match="they are no images"):
            EncoderFeatures(space, agent())


class Sure(nn.Module):
    """Knows the agent's place on the grid; its policies always take one move."""

    class config:
        latents = 2

    actions = 4

    def encode(self, images: Tensor) -> Tensor:
        x = images.float()
        red = ((x[..., 0] > 150) & (x[..., 1] < 80)).float()
        weight = red / red.sum((1, 2), keepdim=True)
        axis = (torch.arange(64) - 3.5) / 8
        return torch.stack([(weight.sum(1) * axis).sum(1), (weight.sum(2) * axis).sum(1)], 1)

    def policies(self, codes: Tensor) -> Tensor:
        return torch.eye(4)[[1, 3, 0, 2]].expand(len(codes), -1, -1)  # right, down, left, up


def options(patience: int = 4) -> FactorActions:
    return FactorActions(gymnasium.make("unbraid/Maze-v0"), Sure(), patience)


def test_options_move_one_latent_by_a_step_their_way() -> None:
    env = options()
    assert env.action_names == ("latent 0 up", "latent 1 up", "latent 0 down", "latent 1 down")
    env.reset(seed=0)
    inside: Any = env.unwrapped
    for action, move in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)]):
        inside.set_factors(np.array([2.0, 3.0], np.float32))
        env._here = env._encode(inside.observe())
        *_, info = env.step(action)
        assert inside.get_factors().tolist() == [2 + move[0], 3 + move[1]] and info["actions"] == 1


def test_an_option_that_gets_nowhere_gives_up() -> None:
    env = options(patience=3)
    env.reset(seed=0, options={"factors": {"agent.x": 0, "agent.y": 0}})
    *_, info = env.step(2)
    assert info["actions"] == 3
    with pytest.raises(InputError, match="patience must be at least 1, not 0"):
        options(patience=0)
    with pytest.raises(InputError, match="the agent has 4 actions, and the environment Discrete"):
        FactorActions(gymnasium.make("unbraid/MazeRedundant-v0"), Sure())


def test_options_are_a_gymnasium_environment() -> None:
    check_env(options(), skip_render_check=True)
    with pytest.raises(gymnasium.error.ResetNeeded):
        options().step(0)


class Steady(Sure):
    """As `Sure`, of the continuous kind: it goes along the axis on which most is left to do."""

    class config:
        latents, length, embedding, kernel = 2, 3, "hypercube", "gaussian"

    def log_policies(self, start: Tensor, codes: Tensor, factors: Tensor) -> Tensor:
        left = factors - (codes - start)[:, None]
        return torch.stack([-left[..., 0], left[..., 0], -left[..., 1], left[..., 1]], -1)  # left, right, up, down


def factors(learner: Any) -> ContinuousFactorActions:
    return ContinuousFactorActions(gymnasium.make(MAZE), learner)


def continuous(**config: Any) -> icf_continuous.ContinuousICF:
    made = icf_continuous.Config(length=3, **config)
    return icf_continuous.build(made, make_factored(MAZE, 2), torch.Generator().manual_seed(0))


def test_a_factor_is_followed_for_as_long_as_options_are() -> None:
    env = factors(Steady())
    assert env.action_space == spaces.Box(-1, 1, (2,), np.float32)
    env.reset(seed=0, options={"factors": {"agent.x": 2, "agent.y": 3, "goal.x": 7, "goal.y": 7}})
    _, reward, *_, info = env.step(np.array([2 / 3, -1 / 3], np.float32))
    inside: Any = env.unwrapped
    assert inside.get_factors()[:2].tolist() == [4, 2] and info["actions"] == 3
    assert reward == pytest.approx(-0.3)


def test_a_factor_is_left_where_the_episode_ends() -> None:
    env = factors(Steady())
    env.reset(seed=0, options={"factors": {"agent.x": 2, "agent.y": 3, "goal.x": 3, "goal.y": 3}})
    _, reward, terminated, truncated, info = env.step(np.array([1, 0], np.float32))
    assert terminated and not truncated and info["actions"] == 1 and reward == pytest.approx(0.9)


def test_factors_are_a_gymnasium_environment_the_same_for_the_same_seed() -> None:
    check_env(factors(continuous()), skip_render_check=True)
    with pytest.raises(gymnasium.error.ResetNeeded):
        factors(Steady()).step(np.zeros(2, np.float32))
    ways = []
    for env in (factors(continuous()), factors(continuous())):
        env.reset(seed=3)
        env.action_space.seed(3)
        ways.append([env.step(env.action_space.sample())[:4] for _ in range(5)])
    for one, other in zip(*ways, strict=True):
        assert np.array_equal(one[0], other[0]) and one[1:] == other[1:]


def test_ppo_trains_on_factors() -> None:
    model = PPO("CnnPolicy", factors(continuous()), n_steps=8, batch_size=8, n_epochs=1, seed=0, device="cpu")
    before = weights(model.policy.action_net)
    model.learn(8)
    assert not torch.equal(weights(model.policy.action_net), before)


def test_factors_that_are_no_actions_are_refused() -> None:
    with pytest.raises(
        InputError, match="factors of the embedding 'simplex' fill no box of actions: train with hyperc"
    ):
        factors(continuous(embedding="simplex"))
    with pytest.raises(InputError, match="factors of the kernel 'relu' are no changes to ask for"):
        factors(continuous(kernel="relu"))
    with pytest.raises(InputError, match="ICF has no factors for actions: train icf_continuous"):
        factors(agent())
    with pytest.raises(InputError, match="ContinuousICF has no policies for single latents: train icf"):
        FactorActions(gymnasium.make("unbraid/Maze-v0"), continuous())
    skilled = diayn.build(diayn.Config(), make_factored(MAZE, 2), torch.Generator())
    with pytest.raises(InputError, match="DIAYN has no policies for single latents"):
        FactorActions(gymnasium.make(MAZE), skilled)
    with pytest.raises(InputError, match="the agent has 4 actions, and the environment Discrete"):
        ContinuousFactorActions(gymnasium.make("unbraid/MazeRedundant-v0"), continuous())
