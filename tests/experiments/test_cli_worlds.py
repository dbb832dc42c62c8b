"""The command line in all sorts of worlds: any image, any actions, and one line where something can't be done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from unbraid.envs import Factor, World, make_factored, register_world
from unbraid.envs.core import to_colours
from unbraid.experiments.commands.play import _keys_that_act, action_of
from unbraid.representation.data import draw_states

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*")
ENV = "Test/Bar-v0"
TINY = ("--steps", "2", "--batch-size", "4", "--device", "cpu")
ACTIONS = {
    "discrete": spaces.Discrete(3),
    "late": spaces.Discrete(3, start=2),
    "box": spaces.Box(-1, 1, (2,), np.float32),
    "several": spaces.MultiDiscrete([3, 2]),
}


class State(NamedTuple):
    place: Tensor
    width: Tensor


class Bar(World[State]):
    """A bar that moves. Its width never changes."""

    action_names = ("left", "stay", "right")
    factors = (
        Factor("bar.place", "continuous", 0, 1, None, "m", True),
        Factor("bar.width", "continuous", 0, 1, None, "m", False),
    )

    def __init__(
        self,
        device: torch.device | str = "cpu",
        size: tuple[int, int] = (40, 40),
        channels: int = 1,
        actions: str = "discrete",
        observation: str = "pixels",
    ) -> None:
        super().__init__(device)
        self.size, self.channels = tuple(size), channels
        self.action_space = ACTIONS[actions]
        self.observation_space = spaces.Box(0, 255, (*self.size, channels), np.uint8)
        if observation == "symbols":
            self.observation_space = spaces.Dict(place=spaces.Box(0, 1, (1,)))
            self.observe = lambda state: {"place": state.place[:, None]}  # type: ignore[method-assign]

    def reset(self, n: int, rng: Any, options: Any = None) -> State:
        return State(rng.uniform(1)[:, 0].float(), torch.full((n,), 0.2))

    def step(self, state: State, action: Tensor, rng: Any) -> Any:
        move = action.float().reshape(len(action), -1)[:, 0] - 1
        place = (state.place + 0.1 * move).clamp(0, 1)
        return State(place, state.width), torch.zeros(len(place)), torch.zeros(len(place), dtype=torch.bool)

    def observe(self, state: State) -> Any:
        height, width = self.size
        near = (torch.arange(width) / width - state.place[:, None]).abs() < state.width[:, None]
        return (near[:, None, :, None] * 200).to(torch.uint8).expand(-1, height, -1, self.channels).clone()

    def get_factors(self, state: State) -> Tensor:
        return torch.stack(state, 1)

    def set_factors(self, values: Tensor) -> State:
        return State(*self.check_factors(values).T)


register_world(ENV, f"{__name__}:Bar", max_episode_steps=10)


def refused(done: Any, *words: str) -> None:
    """Status 2 and one line on stderr that holds the words."""
    assert done.status == 2 and done.err.count("\n") == 1, done.err
    for word in words:
        assert word in done.err


@pytest.mark.parametrize(
    "given", [("size=[40,40]",), ("size=[48,80]", "channels=2"), ("size=[17,33]", "channels=4"), ("size=[128,128]",)]
)
def test_images_of_any_size_and_channels_are_learnt_from(cli: Any, tmp_path: Path, given: tuple[str, ...]) -> None:
    options = ("--env-options", *given)
    assert cli("train", "vae", *TINY, "--env", ENV, *options, "--out", tmp_path / "run").status == 0
    assert cli("evaluate", tmp_path / "run", "--metrics", "r2", "--points", 60).status == 0
    assert cli("play", ENV, *options, "--steps", 3, "--out", tmp_path / "bar.gif").status == 0


def test_an_agent_of_two_channels_and_factors_of_a_continuum(cli: Any, tmp_path: Path) -> None:
    options = ("--env-options", "size=[20,17]", "channels=2")
    run = tmp_path / "run"
    assert cli("train", "icf", *TINY, "--env", ENV, *options, "--out", run).status == 0
    numbers = json.loads(cli("evaluate", run, "--metrics", "r2,dci,mig,factor_vae", "--points", 60, "--json").out)
    assert numbers["r2"]["single"][1] is None and numbers["mig"]["per_factor"][1] is None  # the width never varies
    assert np.array(numbers["dci"]["importance"])[:, 1].tolist() == [0, 0]
    assert cli("plan", run, "--episodes", 2, "--max-steps", 3).status == 0
    assert cli("report", run).status == 0


@pytest.mark.parametrize("actions", ["late", "box", "several"])
def test_any_actions_do_for_a_vae_and_icf_says_what_it_needs(cli: Any, tmp_path: Path, actions: str) -> None:
    options = ("--env", ENV, "--env-options", f"actions={actions}")
    assert cli("train", "vae", *TINY, *options, "--out", tmp_path / "vae").status == 0
    refused(cli("train", "icf", *TINY, *options), "discrete action space that starts at 0", "train vae in it")


@pytest.mark.parametrize("actions", ["box", "several"])
def test_keys_play_single_discrete_actions_only(cli: Any, actions: str) -> None:
    done = cli("play", ENV, "--mode", "keys", "--env-options", f"actions={actions}")
    refused(done, "--mode keys plays single discrete actions", ENV, "--mode random")


def test_what_keys_do_is_said() -> None:
    names = ("left", "right", "toggle")
    assert _keys_that_act(names, spaces.Discrete(3)) == "arrows, space, 0-2"
    assert _keys_that_act((), spaces.Discrete(64)) == "0-9"
    assert _keys_that_act(("go",), spaces.Discrete(1, start=20)) == ""
    assert action_of("\x1b[C", names, spaces.Discrete(3, start=5)) == 6
    assert action_of("6", names, spaces.Discrete(3, start=5)) == 6


def test_what_is_no_image_is_refused_with_the_option_that_helps(cli: Any) -> None:
    symbols = ("--env", ENV, "--env-options", "observation=symbols")
    refused(cli("train", "vae", *symbols), "a dict of place", "--env-options observation=pixels")
    grid = ("--env", "unbraid/Maze-v0", "--env-options", "observation=grid")
    refused(cli("train", "icf", *grid), "Box(0, 1, (8, 8, 3), uint8)", "--env-options observation=pixels")
    refused(cli("play", ENV, "--env-options", "observation=symbols"), f"env '{ENV}' can't be shown", "Bar must say how")


def test_a_world_whose_data_is_not_there_is_named(cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNBRAID_DATA", raising=False)
    for command in (("play",), ("train", "vae", "--env")):
        refused(cli(*command, "unbraid/SpritesCharacters-v0"), "SpritesCharacters-v0", "set UNBRAID_DATA")
    monkeypatch.setenv("UNBRAID_DATA", str(tmp_path))
    assert "unbraid/SpritesCharacters-v0 (can't be made" in cli("list").out
    assert (
        json.loads(cli("list", "--json").out)["worlds"]["unbraid.envs:unbraid/SpritesCharacters-v0"]["factors"] is None
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("size=[5,10,3]", "size must be a whole number of 2 .. 32, or an (easiest, hardest) pair, not (5, 10, 3)"),
        ("size=big", "size must be a whole number of 2 .. 32, or an (easiest, hardest) pair, not big"),
        ("image_size=[1]", "option image_size of Maze must be a whole number, not [1]"),
        ("size=[1", "'[1' is not a YAML value"),
        ("levles=3", "unknown option of Maze 'levles'; did you mean levels"),
    ],
)
def test_options_that_are_wrong_are_named(cli: Any, given: str, words: str) -> None:
    for command in (("train", "vae", "--env"), ("play",)):
        refused(cli(*command, "unbraid/MazeSingleGoal-v0", "--env-options", given), words)


def test_options_may_be_lists(cli: Any, tmp_path: Path) -> None:
    asked = ("--env", "unbraid/MazeSingleGoal-v0", "--env-options", "size=[4,6]", "image_size=24")
    for more in ((), ("--resume",)):
        assert cli("train", "vae", *TINY, *asked, "--out", tmp_path / "run", *more).status == 0
    assert cli("evaluate", tmp_path / "run", "--metrics", "r2", "--points", 60).status == 0


def test_the_list_says_what_an_environment_is_and_how_many_factors_it_has(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cart_world.py").write_text(
        '"""Mine."""\nimport gymnasium\n\ndef cart(render_mode=None):\n    """A cart.\n\n    More."""\n'
        '    return gymnasium.make("CartPole-v1", render_mode=render_mode)\n\n'
        'gymnasium.register("Test/Cart-v0", entry_point=cart)\n'
    )
    monkeypatch.chdir(tmp_path)
    found = json.loads(cli("list", "--env", "cart_world", "--json").out)
    assert found["envs"] == sorted(found["worlds"])
    name = "cart_world:Test/Cart-v0"
    assert found["worlds"][name] == {"family": "cart_world:cart", "about": "A cart.", "factors": 0}
    maze = found["worlds"]["unbraid.envs:unbraid/Maze-v0"]
    assert (maze["family"], maze["factors"]) == ("unbraid.envs.maze:Maze", 2)
    assert cli("play", name, "--steps", 2).status == 0


def test_goals_are_planned_for_where_parts_of_the_world_stay_as_they_are(cli: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    asked = ("--env", "unbraid/MazeSingleGoal-v0", "--env-options", "size=[4,6]")
    assert cli("train", "icf", *TINY, *asked, "--out", run).status == 0
    done = cli("plan", run, "--episodes", 20, "--max-steps", 2, "--json")
    assert done.status == 0, done.err


def test_states_drawn_in_parts_are_those_of_one_batch() -> None:
    images, factors = draw_states("unbraid/MazeGoal-v0", 300, 7)
    batch = make_factored("unbraid/MazeGoal-v0", 300)
    assert torch.equal(images, batch.reset(seed=7)[0])
    assert torch.equal(factors, batch.get_factors())


def test_copies_start_from_given_factors(cli: Any) -> None:
    gymnasium.register("Test/PlainBar-v0", entry_point=plain_bar)
    batch = make_factored("Test/PlainBar-v0", 2)
    seen = batch.reset(seed=0, options={"factors": {"bar.place": [0.25, 0.75], "bar.width": 0.5}})[0]
    assert batch.get_factors().tolist() == [[0.25, 0.5], [0.75, 0.5]]
    assert torch.equal(seen, batch.observe())
    with pytest.raises(ValueError, match=r"unknown reset option 'bar.colour': options\['factors'\] takes bar.place"):
        batch.reset(options={"factors": {"bar.colour": 1}})


def plain_bar() -> Any:
    """The bar without its batched form."""
    return gymnasium.make(ENV).unwrapped


def test_channels_are_shown_as_colours() -> None:
    images = torch.arange(5, dtype=torch.uint8).expand(1, 2, 2, 5)
    for channels, shown in ((1, [0, 0, 0]), (2, [0, 1, 0]), (3, [0, 1, 2]), (5, [0, 1, 2])):
        assert to_colours(images[..., :channels])[0, 0, 0].tolist() == shown
