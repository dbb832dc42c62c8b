"""The command line: what works, and the one line that every wrong input gets."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import yaml

from unbraid.experiments import cli as module
from unbraid.experiments.report import comparison
from unbraid.experiments.runs import CONFIG, METRICS, WEIGHTS, open_run
from unbraid.representation.training import CHECKPOINT

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:.*srun.*")
LEARNERS = ["diayn", "dusdi", "dynamics_content", "grasp", "icf", "icf_continuous", "inverse", "vae"]
TINY = ("--steps", "4", "--batch-size", "4", "--device", "cpu")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A tiny finished run of each learner."""
    folder = tmp_path_factory.mktemp("runs")
    for learner in ("icf", "vae"):
        assert module.main(["train", learner, *TINY, "--latents", "2", "--out", str(folder / learner)]) == 0
    return {learner: folder / learner for learner in ("icf", "vae")}


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    factors = rng.integers(4, size=(300, 2))
    np.savez(tmp_path / "codes.npz", codes=factors + 0.0, factors=factors)
    return tmp_path / "codes.npz"


def refused(done: Any, *words: str) -> None:
    """Status 2, one line on stderr that holds the words, nothing on stdout."""
    assert done.status == 2
    assert done.err.count("\n") == 1 and done.err.startswith("unbraid: "), done.err
    assert done.out == ""
    for word in words:
        assert word in done.err


def test_help_names_every_command(cli: Any) -> None:
    done = cli("--help")
    assert done.status == 0
    assert set(module.command_names()) == {
        "bench",
        "collect",
        "demo",
        "evaluate",
        "list",
        "plan",
        "play",
        "report",
        "table",
        "train",
    }
    for name, line in module.command_names().items():
        assert name in done.out and line and line in done.out
        assert cli(name, "--help").status == 0


def test_help_of_a_learner_shows_its_options_and_their_meaning(cli: Any) -> None:
    text = cli("train", "icf", "--help").out
    assert "--temperature" in text and "entropy" in text
    text = cli("train", "vae", "--objective", "beta", "--help").out
    assert "--beta" in text and "--latents" in text


def test_list(cli: Any) -> None:
    found = json.loads(cli("list", "--json").out)
    assert "unbraid.envs:unbraid/Maze-v0" in found["envs"]
    assert found["learners"] == LEARNERS
    assert {"mig", "dci", "factor_vae", "r2"} <= set(found["metrics"])
    assert "beta" in cli("list").out


def test_a_run_holds_what_it_should(trained: dict[str, Path]) -> None:
    for learner, folder in trained.items():
        assert {CONFIG, METRICS, WEIGHTS, CHECKPOINT, "tensorboard"} <= {path.name for path in folder.iterdir()}
        asked = yaml.safe_load((folder / CONFIG).read_text())
        assert (asked["learner"], asked["seed"], asked["config"]["steps"]) == (learner, 0, 4)
        numbers = json.loads((folder / METRICS).read_text())
        assert numbers["seed"] == 0 and numbers["train_seconds"] > 0
        assert {"versions", "hardware", "date"} <= set(numbers)
        assert open_run(folder).to_dict() == asked


def test_evaluate_plan_and_report_a_run(cli: Any, trained: dict[str, Path]) -> None:
    numbers = json.loads(cli("evaluate", trained["icf"], "--json", "--device", "cpu", "--points", 300).out)
    assert set(numbers) == {"mig", "dci", "factor_vae", "r2", "factors", "agent"}
    assert len(numbers["agent"]["prefers"]) == 4
    some = ("evaluate", trained["icf"], "--metrics", "r2", "--points", 300, "--json", "--factors")
    assert [len(json.loads(cli(*some, which).out)["r2"]["linear"]) for which in ("controllable", "agent.y")] == [2, 1]
    assert json.loads(cli(*some, "controllable").out)["factors"] == ["agent.x", "agent.y"]
    assert json.loads(cli("evaluate", trained["icf"], "--factors", "agent.y", "--points", 60, "--json").out)[
        "factors"
    ] == ["agent.y"]
    refused(cli(*some, "agent.z"), "unknown factor 'agent.z'", "agent.x")
    refused(cli(*some, ","), "no factors are named")
    planned = json.loads(cli("plan", trained["icf"], "--episodes", 5, "--json").out)
    assert planned["episodes"] == 5 and 0 <= planned["success"] <= 1
    kept = open_run(trained["icf"]).read_metrics()["plan"]
    elsewhere = ("--env-options", "layout=null", "size=8", "blocks=0.1", "first_level=7", "--episodes", 5, "--json")
    walks = [json.loads(cli("plan", trained["icf"], *elsewhere, *way).out) for way in ((), ("--no-search",))]
    assert [walk["episodes"] for walk in walks] == [5, 5]
    assert open_run(trained["icf"]).read_metrics()["plan"] == kept  # it is about the world of the run
    refused(cli("plan", trained["icf"], "--env-options", "sise=8"), "sise")
    assert cli("evaluate", trained["vae"], "--points", 300).status == 0
    done = cli("report", trained["icf"], "--compare", trained["vae"])
    assert done.status == 0, done.err
    runs = {name: open_run(trained[name]) for name in ("icf", "vae")}
    rows = dict(comparison(runs, {name: run.read_metrics() for name, run in runs.items()}))
    read = {name: rows[f"R² of agent.{name} from the whole code"] for name in "xy"}
    assert read["x"][0] == "–" and "–" not in [read["x"][1], *read["y"]]  # one was held against agent.y alone
    refused(cli("report", trained["icf"], "--compare", trained["icf"]), "--compare", "rename")
    page = (trained["icf"] / "report.html").read_text()
    assert page.count("data:image/png;base64,") >= 8 and page.count("data:image/gif;base64,") == 2
    assert not re.search(r"(src|href)=.?https?:", page)  # one self-contained file
    assert cli("report", trained["vae"]).status == 0
    assert "goal images" not in (trained["vae"] / "report.html").read_text()
    assert {"importances.png", "information.png"} <= {path.name for path in (trained["vae"] / "figures").iterdir()}
    known = json.loads((trained["icf"] / METRICS).read_text())
    assert {"evaluation", "plan", "train_seconds"} <= set(known)


def test_evaluate_a_file_of_codes(cli: Any, npz: Path) -> None:
    numbers = json.loads(cli("evaluate", "--codes", npz, "--metrics", "mig,dci", "--json").out)
    assert set(numbers) == {"mig", "dci"}
    assert numbers["mig"]["score"] == pytest.approx(1, abs=0.02)
    assert "mig.score" in cli("evaluate", "--codes", npz, "--metrics", "mig").out


def test_play_writes_movies(cli: Any, tmp_path: Path) -> None:
    done = cli("play", "unbraid.envs:unbraid/MazeSwitches-v0", "--steps", 5, "--out", tmp_path / "a.gif")
    assert done.status == 0 and "toggle" in done.out
    from PIL import Image

    with Image.open(tmp_path / "a.gif") as movie:
        assert movie.n_frames >= 2 and movie.size == (256, 256)
    assert cli("play", "--steps", 5, "--out", tmp_path / "a.mp4").status == 0
    assert (tmp_path / "a.mp4").stat().st_size > 1000


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("trian",), ("unknown command 'trian'", "train")),
        (("train", "icg"), ("unknown learner 'icg'", "icf")),
        (("train",), ("train what?", "icf", "vae")),
        (("train", "icf", "--env", "unbraid/Moze-v0"), ("unknown env 'unbraid/Moze-v0'", "unbraid/Maze-v0")),
        (("train", "icf", "--env", "nowhere_pkg:X/Y-v0"), ("no module 'nowhere_pkg'", "install")),
        (("train", "icf", "--env", "CartPole-v1"), ("'CartPole-v1' states no factors", "get_factors()")),
        (("train", "vae", "--objective", "bata"), ("unknown objective 'bata'", "beta")),
        (("train", "vae", "--network", "konv"), ("unknown network 'konv'", "conv")),
        (("train", "icf", "--device", "tpu"), ("unknown device 'tpu'", "cpu")),
        (("train", "icf", "--latents", "0"), ("latents must be above 0",)),
        (("train", "vae", "--beta", "-1"), ("beta must be at least 0",)),
        (("train", "icf", "--env-options", "goal"), ("NAME=VALUE", "'goal'")),
        (("train", "icf", "--env-options", "gaol=true"), ("unknown option of Maze 'gaol'", "goal")),
        (("train", "icf", "--env-options", "image_size=5"), ("Maze-v0", "image_size 5")),
        (("train", "icf", "--sed", "1"), ("train icf:", "--sed", "--seed")),
        (("train", "icf", "--seed", "one"), ("train icf:", "--seed", "one")),
        (("train", "icf", "--seed", "-1"), ("--seed must be from 0 to 4294967295, not -1",)),
        (("train", "icf", "--batch-size", "1"), ("batch_size must be at least 2",)),
        (("train", "icf", "--resume", "--overwrite"), ("give one of them",)),
        (("evaluate",), ("give a run's folder, or --codes FILE.npz",)),
        (("evaluate", "sap", "--codes", "x.npz"), ("one of the two", "a run's folder, which sap is taken for")),
        (("evaluate", "nowhere"), ("nowhere is not a run", "config.yaml")),
        (("plan", "nowhere"), ("nowhere is not a run",)),
        (("report", "nowhere"), ("nowhere is not a run",)),
        (("evaluate", "--codes", "nowhere.npz"), ("nowhere.npz", "no such file")),
        (("play", "unbraid/Moze-v0"), ("unknown env", "unbraid/Maze-v0")),
        (("play", "--out", "a.avi"), (".gif or .mp4",)),
        (("play", "--mode", "keys"), ("needs a terminal",)),
        (("play", "--mode", "window"), ("no screen",)),
        (("play", "--steps", "0"), ("--steps must be at least 1",)),
        (("train", "icf", "--env", ""), ("unknown env ''", "unbraid list")),
        (("list", "--env", "nowhere_pkg"), ("no module 'nowhere_pkg'",)),
    ],
)
def test_wrong_input_gets_one_line_and_leaves_nothing(
    cli: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    refused(cli(*args), *words)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("key", "action"),
    [("\x1b[A", 2), ("\x1b[B", 3), ("\x1b[C", 1), ("\x1b[D", 0), (" ", 4), ("3", 3), ("9", None), ("x", None)],
)
def test_keys_stand_for_actions(key: str, action: int | None) -> None:
    from unbraid.experiments.commands.play import action_of

    names = ("left", "right", "up", "down", "toggle")
    assert action_of(key, names, gymnasium.spaces.Discrete(5)) == action


def test_playing_with_keys_in_a_terminal() -> None:
    """An action, a key that means nothing, restart, quit: one step, and pictures drawn with half blocks."""
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).parent / "unbraid"), "play", "--mode", "keys"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = b""
        for number, key in enumerate((b"0", b"x", b"r", b"q"), start=1):
            while seen.count(b"q ends\r\n") < number:
                more = os.read(process.stdout.fileno(), 65536)
                assert more, f"it ended early: {process.communicate()[1].decode()}"
                seen += more
            os.write(ours, key)
        said = process.stdout.read().decode()
        assert process.wait() == 0
    os.close(ours)
    os.close(theirs)
    assert "1 steps of unbraid.envs:unbraid/Maze-v0" in said
    assert "\u2580".encode() in seen


def test_unknown_metrics_are_named_for_runs_and_files(cli: Any, npz: Path, trained: dict[str, Path]) -> None:
    refused(cli("evaluate", "--codes", npz, "--metrics", "mig", "--factors", "x"), "--factors is for a run")
    refused(cli("evaluate", "--codes", npz, "--metrics", "mug"), "unknown metric 'mug'", "mig")
    refused(cli("evaluate", trained["icf"], "--metrics", "mug"), "unknown metric 'mug'", "mig")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"codes": np.ones((20, 2))}, ("codes and factors",)),
        ({"codes": np.ones((20, 2)), "factors": np.ones((19, 2))}, ("20 rows", "19")),
        ({"codes": np.full((20, 2), np.nan), "factors": np.ones((20, 2))}, ("codes[0, 0] is nan",)),
        ({"codes": np.ones((20, 2)), "factors": np.ones((20, 2)), "code_test": np.ones(1)}, ("code_test",)),
        ({"codes": np.array([[None]] * 20), "factors": np.ones((20, 2))}, ("can't be read",)),
        ({"codes": np.array([["1"]] * 20), "factors": np.ones((20, 2))}, ("codes must be a matrix of real numbers",)),
        ({"codes": np.full((20, 2), 1e300), "factors": np.ones((20, 2))}, ("codes[0, 0] is 1e+300",)),
    ],
)
def test_bad_files_of_codes_are_named(cli: Any, tmp_path: Path, arrays: dict[str, Any], words: tuple[str, ...]) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    refused(cli("evaluate", "--codes", path, "--metrics", "mig"), *words)
    path.write_bytes(b"not a zip")
    refused(cli("evaluate", "--codes", path, "--metrics", "mig"), "can't be read")
    np.save(tmp_path / "single.npy", np.ones((20, 2)))
    refused(cli("evaluate", "--codes", tmp_path / "single.npy", "--metrics", "mig"), "single array")
    refused(cli("evaluate", "--codes", path, "--metrics", ","), "no metrics are named")


def test_damaged_runs_are_refused(cli: Any, tmp_path: Path, trained: dict[str, Path]) -> None:
    import shutil

    run = tmp_path / "run"
    for damage, words in (
        (lambda: (run / WEIGHTS).write_bytes((run / WEIGHTS).read_bytes()[:-50]), (WEIGHTS, "damaged")),
        (lambda: (run / WEIGHTS).unlink(), (WEIGHTS, "isn't finished")),
        (lambda: (run / CONFIG).write_text("learner: [icf"), (CONFIG, "damaged")),
        (lambda: (run / CONFIG).write_text("learner: icf\n"), (CONFIG, "damaged", "it lacks 'seed'")),
        (lambda: shutil.copy(trained["vae"] / WEIGHTS, run / WEIGHTS), (WEIGHTS, "doesn't fit")),
        (lambda: (run / METRICS).write_text("{"), (METRICS, "damaged")),
        (lambda: (run / METRICS).write_text("[]"), (METRICS, "damaged")),
    ):
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(trained["icf"], run)
        damage()
        refused(cli("evaluate", run, "--metrics", "r2"), *words)


def test_a_training_that_diverges_says_where(cli: Any, tmp_path: Path) -> None:
    done = cli("train", "icf", *TINY, "--learning-rate", "1e30", "--out", tmp_path / "run")
    assert done.status == 1
    assert "Traceback" not in done.err
    assert "is nan; there is no good checkpoint yet" in done.err.splitlines()[-1]


def test_learners_are_told_apart_by_their_first_lines(cli: Any) -> None:
    rows = cli("train", "--help").out.splitlines()[2:]
    assert [row.split()[0] for row in rows] == LEARNERS
    assert all(len(row) > 60 for row in rows)


def test_output_that_nobody_reads_is_no_traceback() -> None:
    command = f"{Path(sys.executable).parent / 'unbraid'} --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode in (0, 1)  # whether the reader was gone in time


def test_a_box_in_a_colour_terminal_is_one_line_too() -> None:
    from unbraid.experiments.commands._options import _one_line

    box = "\x1b[31m╭─ Value error ─╮\x1b[0m\n\x1b[31m│\x1b[0m Error parsing config: no \x1b[31m│\x1b[0m\n\x1b[31m╰──╯\x1b[0m\n"
    assert _one_line(box) == "no"
    long = "│ Error parsing --seed: invalid 'x' │\n│ ──── │\n│ Argument helptext: │\n│ --seed INT │\n│ For full helptext, see unbraid │"
    assert _one_line(long) == "Error parsing --seed: invalid 'x'"


def test_planning_needs_an_agent(cli: Any, trained: dict[str, Path]) -> None:
    refused(cli("plan", trained["vae"]), "'vae'", "doesn't plan")
    refused(cli("plan", trained["icf"], "--episodes", 0), "--episodes must be at least 1")


def test_folders_are_not_overwritten_by_mistake(cli: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert cli("train", "vae", *TINY, "--out", run).status == 0
    before = (run / WEIGHTS).read_bytes()
    refused(cli("train", "vae", *TINY, "--out", run), "exists", "--resume", "--overwrite")
    refused(
        cli("train", "vae", *TINY, "--out", run, "--resume", "--seed", 1), "begun with seed 0, not 1", "--overwrite"
    )
    refused(cli("train", "icf", "--out", run, "--resume"), "holds a 'vae', not a 'icf'", "another --out")
    assert cli("train", "vae", *TINY, "--out", run, "--resume").status == 0
    assert (run / WEIGHTS).read_bytes() == before
    assert cli("train", "vae", *TINY, "--out", run, "--overwrite", "--seed", 1).status == 0
    assert (run / WEIGHTS).read_bytes() != before


def test_a_folder_that_is_not_a_run_is_never_deleted(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years")
    for flag in ("--overwrite", "--resume"):
        refused(cli("train", "vae", *TINY, "--out", tmp_path, flag), "is not a run", "--out")
    assert (tmp_path / "thesis.tex").read_text() == "years"


def test_a_folder_that_cannot_be_made_is_named(cli: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for how in ((), ("--ensemble", 2)):
        refused(
            cli("train", "vae", *TINY, *how, "--out", tmp_path / "file" / "run"), "can't make the folder", "file/run"
        )


def test_worlds_without_discrete_actions_are_refused_by_icf(cli: Any, tmp_path: Path) -> None:
    gymnasium.register("Test/Slide-v0", entry_point=Slide)
    refused(
        cli("train", "icf", *TINY, "--env", "Test/Slide-v0", "--out", tmp_path / "run"), "needs a discrete action space"
    )


class Slide(gymnasium.Env[Any, Any]):
    """A plain Factored environment with one continuous action."""

    def __init__(self) -> None:
        from unbraid.envs import Factor

        self.factors = (Factor("x", "continuous", 0, 1, None, "m", True),)
        self.observation_space = gymnasium.spaces.Box(0, 255, (16, 16, 1), np.uint8)
        self.action_space = gymnasium.spaces.Box(-1, 1, (1,))
        self.x = 0.0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.x = float(self.np_random.uniform())
        return self.observe(), {}

    def step(self, action: Any) -> Any:
        self.x = float(np.clip(self.x + 0.1 * action[0], 0, 1))
        return self.observe(), 0.0, False, False, {}

    def observe(self) -> Any:
        return np.full((16, 16, 1), round(255 * self.x), np.uint8)

    def get_factors(self) -> Any:
        return np.array([self.x], np.float32)

    def set_factors(self, values: Any) -> None:
        self.x = float(values[0])


def test_grey_worlds_are_shown_in_three_channels() -> None:
    from unbraid.envs import Streams
    from unbraid.envs.maze import Maze

    class Grey(Maze):
        def observe(self, state: Any) -> Any:
            return super().observe(state)[..., :1]

    world = Grey()
    state = world.reset(2, Streams([0, 1]))
    assert world.observe(state).shape[-1] == 1
    assert world.render(state).shape == (2, 64, 64, 3)


def test_a_plain_factored_environment_works_end_to_end(cli: Any, tmp_path: Path) -> None:
    if "Test/Slide-v0" not in gymnasium.registry:
        gymnasium.register("Test/Slide-v0", entry_point=Slide)
    run = tmp_path / "run"
    assert cli("train", "vae", *TINY, "--latents", 2, "--env", "Test/Slide-v0", "--out", run).status == 0
    done = cli("evaluate", run, "--metrics", "r2,mig", "--json")
    assert done.status == 0, done.err
    assert 0 <= json.loads(done.out)["r2"]["score"] <= 1
