"""The figures of one run, drawn into a folder and kept for the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from ..envs import make_factored
from ..representation import metrics, traversals
from ..representation.data import draw_states
from ..representation.training import SCALARS
from . import figures, hinton, movies, work
from .runs import Run, learner_module

SHOWN_STATES = 400
SHOWN_TRIPS = 4
LAST_FRAME_TIMES = 4


@dataclass(frozen=True)
class Picture:
    """A drawn file, and what to say of it."""

    title: str
    caption: str
    path: Path

    @property
    def source(self) -> str:
        """The file itself, as a ``data:`` address."""
        return f"data:image/{self.path.suffix[1:]};base64,{base64.b64encode(self.path.read_bytes()).decode()}"


@dataclass
class Album:
    """Draws a run's figures.

    Args:
        run: What is shown; it is finished and evaluated.
        folder: Where the files go.
        name: Put before file names and titles; empty for none.
    """

    run: Run
    folder: Path
    name: str = ""
    pictures: list[Picture] = field(default_factory=list)

    def draw(self) -> list[Picture]:
        """Every figure that this kind of run has."""
        self.folder.mkdir(exist_ok=True)
        learner = self.run.load()
        numbers = self.run.read_metrics()["evaluation"]
        self._representation(learner, numbers)
        if "policy" in numbers.get("agent", {}):
            self._policies(learner, numbers["agent"])
        if hasattr(learner_module(self.run.learner), "variations"):
            self._variations(learner)
        if hasattr(learner_module(self.run.learner), "plan"):
            self._trips(learner)
        return self.pictures

    def _representation(self, learner: Any, numbers: dict[str, Any]) -> None:
        images, factors = draw_states(self.run.env, SHOWN_STATES, work.METRIC_SEED, **self.run.env_options)
        codes = learner.encode(images)
        held = work.held_against(self.run, numbers)
        known = make_factored(self.run.env, 1, **self.run.env_options).factors
        kept = work.places(known, held)
        stated, factors = [known[k] for k in kept], factors[:, kept]
        best = numbers.get("r2", {}).get("latent", [None] * len(stated))
        scalars = figures.read_scalars(self.run.folder / SCALARS)
        said = CURVES + (SELECTIVITY if "selectivity" in scalars else "")
        self._keep("learning-curves", "learning curves", said, figures.learning_curves(scalars))
        drawn = figures.latents_against_factors(codes.numpy(), factors.numpy(), stated, best)
        self._keep("latents", "latents against the true factors", LATENTS, drawn)
        if codes.shape[1] > 1:
            drawn = figures.latent_plane(codes.numpy(), factors.numpy(), stated, best)
            self._keep("latent-plane", "the plane of two latents", PLANE, drawn)
        self._alignment(codes, factors, held, numbers)
        if learner.paints:
            swept = traversals.traverse(learner, codes).numpy()
            self._keep("traversals", "latent traversals", TRAVERSALS, figures.traversal_grid(swept))

    def _alignment(self, codes: Tensor, factors: Tensor, names: list[str], numbers: dict[str, Any]) -> None:
        if "dci" in numbers:
            drawn = hinton.hinton(numbers["dci"]["importance"], names)
            self._keep("importances", "importance of each latent", IMPORTANCES, drawn)
        information = metrics.evaluate(["ksg"], codes, factors)["ksg"]["information"]
        drawn = hinton.information_map(information, names)
        self._keep("information", "information of each latent", INFORMATION, drawn)

    def _policies(self, learner: Any, agent: dict[str, Any]) -> None:
        stated = make_factored(self.run.env, 1, **self.run.env_options)
        drawn = figures.policy_table(agent, [factor.name for factor in stated.factors])
        self._keep("policies", "what each policy prefers and changes", POLICIES, drawn)
        seen = learner_module(self.run.learner).rollouts(
            learner, self.run.env, work.METRIC_SEED, **self.run.env_options
        )
        named = zip(figures.policy_names(agent), agent["prefers"], strict=True)
        captions = [f"{policy}: {action}" for policy, action in named]
        frames = [movies.side_by_side(list(frame), captions, columns=4) for frame in seen.numpy()]
        self._keep("policies", "the policies at work", ROLLOUTS, frames)

    def _variations(self, learner: Any) -> None:
        module = learner_module(self.run.learner)
        found = module.variations(learner, self.run.env, work.METRIC_SEED, **self.run.env_options)
        tensors = {name: part.cpu() if isinstance(part, Tensor) else part for name, part in found._asdict().items()}
        self._keep("variations", "what factors bring about", VARIATIONS, figures.variations(tensors))

        if learner.config.length > 1:
            shown = module.behaviour(learner, self.run.env, work.METRIC_SEED, **self.run.env_options)
            self._keep("behaviour", "an option on its way", BEHAVIOUR, figures.behaviour(shown._asdict()))

    def _trips(self, learner: Any) -> None:
        self._trip(learner, "", {})
        if self.run.others:
            self._trip(learner, "-y", {"observe": "y"})

    def _trip(self, learner: Any, which: str, how: dict[str, Any]) -> None:
        trip = work.plan(self.run, learner, SHOWN_TRIPS, 1, **how)[1]
        captions = ["walk", "goal"] * SHOWN_TRIPS
        walks = [seen.numpy() for seen in trip.images]
        goals = trip.goals.numpy()
        frames = [
            movies.side_by_side([part for i in range(SHOWN_TRIPS) for part in (walk[i], goals[i])], captions, columns=4)
            for walk in walks
        ]
        title = "on the way to goal images" + (", as another set shows them" if how else "")
        self._keep(f"goals{which}", title, GOALS, frames)

    def _keep(self, file: str, title: str, caption: str, drawn: Any) -> None:
        """Write a figure as PNG, or a list of frames as GIF that rests on its last frame."""
        stem, said = (f"{self.name}-{file}", f"{self.name}: {title}") if self.name else (file, title)
        if isinstance(drawn, list):
            path = self.folder / f"{stem}.gif"
            movies.write_movie(path, drawn + drawn[-1:] * LAST_FRAME_TIMES, fps=3)
        else:
            path = self.folder / f"{stem}.png"
            drawn.savefig(path, dpi=110)
        self.pictures.append(Picture(said, caption, path))


CURVES = "Every term of the loss, as it was (grey) and smoothed (blue)."
SELECTIVITY = " Where selectivity climbs, the agent has found something that one action changes and nothing else does."
LATENTS = (
    "Each dot is one state of the world; blue marks the latent that reads a factor best. A straight blue line in one "
    "column, and level clouds in the others, is a factor found."
)
PLANE = "The same states where two latents put them, coloured by the truth. A map that was found looks like a map."
IMPORTANCES = (
    "The larger a square, the more a factor's boosted trees use the latent. One square in each row and column is a "
    "factor with a latent of its own."
)
INFORMATION = "What each latent alone tells of each factor, straight line or not."
TRAVERSALS = "What the decoder draws while one latent goes from its low end to its high end and the others stay."
POLICIES = "Left: how often each policy takes each action. Right: what that does to the world's true factors."
ROLLOUTS = "Every policy from the same start, always taking its likeliest action."
VARIATIONS = (
    "Factors that the generator names in a thousand states, the changes of the code that their options brought about, "
    "and those that were foretold, coloured by the first action. Clusters are effects that were told apart; dots are "
    "strewn a little, so that many in one place show."
)
BEHAVIOUR = (
    "What is seen along an option, and below what the policies of several factors would do there; the framed one is "
    "followed."
)
GOALS = "The agent is shown nothing but the goal image, and moves so that its code comes closer to the goal's."
