"""The training loop: it learns, it repeats, it resumes, it stops on nonsense."""

from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from unbraid.envs import make_factored
from unbraid.errors import InputError
from unbraid.experiments.figures import read_scalars
from unbraid.representation import vae
from unbraid.representation.networks import ImageShape
from unbraid.representation.training import CHECKPOINT, SCALARS, FitOptions, Learner, fit, pick_device

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*")
CONFIG = vae.Config(latents=3, steps=6, batch_size=4)
OPTIONS = FitOptions(steps=6, learning_rate=1e-3, checkpoint_every=2, log_every=1, device="cpu")


class Interrupting:
    """Data that raises a signal against its own process before the given draw."""

    def __init__(self, data: Any, before: int) -> None:
        self.data, self.left = data, before

    def draw(self) -> Any:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)
        self.left -= 1
        return self.data.draw()

    def state_dict(self) -> Any:
        return self.data.state_dict()

    def load_state_dict(self, state: Any) -> None:
        self.data.load_state_dict(state)


def parts(seed: int = 0) -> tuple[vae.VAE, Any]:
    env = make_factored("unbraid/Maze-v0", CONFIG.batch_size)
    return vae.build(CONFIG, env, torch.Generator().manual_seed(seed)), vae.data(CONFIG, env, seed)


def trained(folder: Path, seed: int = 0) -> dict[str, torch.Tensor]:
    learner, data = parts(seed)
    fit(learner, data, dataclasses.replace(OPTIONS, seed=seed), folder)
    return learner.state_dict()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path: Path) -> None:
    first = trained(tmp_path / "a")
    assert same(first, trained(tmp_path / "b"))
    assert not same(first, trained(tmp_path / "c", seed=1))


def test_ctrl_c_keeps_what_was_done_and_resuming_ends_in_the_same_weights(tmp_path: Path) -> None:
    learner, data = parts()
    with pytest.raises(KeyboardInterrupt, match="after step 4 of 6; go on with --resume"):
        fit(learner, Interrupting(data, before=3), OPTIONS, tmp_path / "a")
    learner, data = parts()
    fit(learner, data, OPTIONS, tmp_path / "a")
    assert same(learner.state_dict(), trained(tmp_path / "b"))
    steps, _ = read_scalars(tmp_path / "a" / SCALARS)["loss"]
    assert steps == [1, 2, 3, 4, 5, 6]


def test_a_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    path = tmp_path / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=f"{CHECKPOINT} is damaged"):
        trained(tmp_path)


def test_the_loss_falls_when_one_batch_is_learnt_by_heart(tmp_path: Path) -> None:
    learner, data = parts()
    batch = data.draw()

    class Same(Interrupting):
        def draw(self) -> Any:
            return batch

    fit(learner, Same(data, -1), dataclasses.replace(OPTIONS, steps=60), tmp_path)
    losses = read_scalars(tmp_path / SCALARS)["loss"][1]
    assert losses[-1] < 0.7 * losses[0]


def test_a_loss_that_is_not_finite_stops_with_its_name_and_step(tmp_path: Path) -> None:
    class Diverging(vae.VAE):
        def forward(self, inputs: Any, turn: int = 0) -> dict[str, torch.Tensor]:
            terms = super().forward(inputs, turn)
            return {**terms, "kl": terms["kl"] / (inputs.step != 4)}

    env = make_factored("unbraid/Maze-v0", CONFIG.batch_size)
    learner = Diverging(ImageShape(64, 64, 3), CONFIG, torch.Generator())
    with pytest.raises(FloatingPointError, match="step 5: kl is inf; the last good checkpoint is of step 4"):
        fit(learner, vae.data(CONFIG, env, 0), OPTIONS, tmp_path)


def test_a_loss_that_diverges_stops_and_what_it_comes_from_is_named_first(tmp_path: Path) -> None:
    class Diverging(vae.VAE):
        def forward(self, inputs: Any, turn: int = 0) -> dict[str, torch.Tensor]:
            terms = super().forward(inputs, turn)
            return {**terms, "loss": terms["loss"] * 1e13, "kl": terms["kl"] * torch.nan}

    env = make_factored("unbraid/Maze-v0", CONFIG.batch_size)
    learner = Diverging(ImageShape(64, 64, 3), CONFIG, torch.Generator())
    with pytest.raises(FloatingPointError, match=r": kl is nan, loss is \S+e\+1\d; there is no good checkpoint yet"):
        fit(learner, vae.data(CONFIG, env, 0), OPTIONS, tmp_path)


def test_weights_that_are_not_finite_are_not_saved_though_the_loss_is(tmp_path: Path) -> None:
    """The root of 0 has a loss of 0 and no gradient: the last good checkpoint stays."""
    learner, data = parts()
    forward, steps = learner.forward, iter(range(10))

    def rooted(inputs: Any, turn: int = 0) -> dict[str, torch.Tensor]:
        terms = forward(inputs, turn)
        if next(steps) == 3:
            terms["loss"] = terms["loss"] + (0 * learner.encoder[0].bias).abs().sqrt().sum()
        return terms

    learner.forward = rooted
    with pytest.raises(FloatingPointError, match=r"step 4: .* is not finite; the last good checkpoint is of step 2"):
        fit(learner, data, OPTIONS, tmp_path)
    learner, data = parts()
    fit(learner, data, OPTIONS, tmp_path)
    assert all(part.isfinite().all() for part in learner.parameters())


def test_learners_are_one_family() -> None:
    learner, data = parts()
    assert isinstance(learner, Learner)
    codes = learner.encode(data.draw().image)
    assert codes.shape == (4, 3)
    images = learner.decode(codes)
    assert images.shape == (4, 64, 64, 3) and images.dtype == torch.uint8


def test_devices_have_names() -> None:
    assert pick_device("cpu") == torch.device("cpu")
    with pytest.raises(InputError, match="unknown device 'gpu'; known: auto, cpu, cuda"):
        pick_device("gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_missing_gpu_is_said() -> None:
    with pytest.raises(InputError, match="finds no GPU; use --device cpu"):
        pick_device("cuda")
