"""Grasping as Gymnasium environments: a pose at once, or many small moves, towards an object on a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from ...errors import InputError, UnknownNameError
from ..core import Factor
from ..factored import on_grid
from .antipodal import antipodal
from .camera import ELEVATIONS, Camera, View
from .gripper import lowest
from .objects import CATEGORIES, PARAMETERS, Shape, things
from .poses import SPREAD, Pose
from .scene import FAST, Attempt, Colour, Physics, Scene, Thing
from .solids import Array

FRESH = "fresh"
"""The name of objects that are made anew for each episode."""
ROOM = np.array([[-0.25, -0.25, 0.0], [0.25, 0.25, 0.4]])
"""Where the gripper can be, m."""
HOME = Pose(np.array([0, 0, 0.36]), np.array([1.0, 0, 0, 0]))
"""Above all objects, pointing down."""
DOWN = Rotation.from_quat(HOME.rotation)
MOVE, TURN = 0.03, 0.3
"""m along each of the gripper's axes, and rad round it, that a move changes its pose by at most."""
SECONDS = 0.1
"""Of a move."""
PULL = 5.0
"""Reward for a metre nearer to a grasp, where a rad counts as a tenth of that."""
TRIED = 30
"""Antipodal grasps, of which that is the one that comes most from above."""
COLOUR: Colour = (0.75, 0.3, 0.22)
"""Of the object."""
OBSERVATIONS = ("rgb", "rgbd", "state")
STATE = 18
UNIT = 0.1
"""m, of lengths in it."""
MOVES = 20
"""Of an episode; the last closes the gripper, whatever it is."""


def _pose_factors(name: str, room: Array, controllable: bool) -> list[Factor]:
    """Of a rigid body: metres, and turns round z, then y, then x."""
    found = [
        Factor(f"{name}.{axis}", "continuous", low, high, None, "m", controllable)
        for axis, low, high in zip("xyz", *room.tolist(), strict=True)
    ]
    turns = (("yaw", "cyclic", math.pi), ("pitch", "continuous", math.pi / 2), ("roll", "cyclic", math.pi))
    return found + [
        Factor(f"{name}.{turn}", kind, -most, most, None, "rad", controllable)  # type: ignore[arg-type]
        for turn, kind, most in turns
    ]


class Grasp(gymnasium.Env[Any, Any]):
    """An object on a table, a camera, and a gripper that opens by 8 cm; `Factored`.

    ``unbraid/Grasp-v0`` takes one action, a pose: the gripper's six factors, each scaled to -1 .. 1. It comes there
    from 5 cm behind, closes, lifts and shakes; the episode is over, and its reward is 1 if the object is held. In
    ``unbraid/GraspSteps-v0`` an action moves the gripper by up to 3 cm along and turns it by up to .3 rad round each of
    its own axes, and closes it where the last number is above 0, or with the 20th action: then it lifts and shakes, and
    the episode is over. Moves are rewarded by how much nearer they come to a grasp that works, the steepest of 30
    antipodal ones (a potential, Ng et al. 1999, which leaves the best policy what it is).

    Args:
        objects: ``"fresh"``, a category and four parameters drawn for each episode; or see
            `unbraid.envs.grasp.objects.things`.
        observation: ``"rgb"``, uint8 images ``(size, size, 3)``; ``"rgbd"``, a dict of these and of ``depth`` in m,
            float32 ``(size, size, 1)``; or ``"state"``, float32 ``(18,)``, all as the gripper has it: where the object
            is, its x, y and z axes, and which way is up; the gripper's height, its width, and what share is left of 20
            moves. Lengths are in units of 10 cm, so that all numbers are about 1. The way to a grasp of the object is
            linear in these.
        size: Of images, pixels.
        moves: Whether actions are moves.
        physics: How finely it is simulated.
        render_mode: ``"rgb_array"`` or None.

    Raises:
        InputError: PyBullet is not installed, or there are no such objects.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012
    action_names: tuple[str, ...] = ()

    def __init__(
        self,
        objects: str = FRESH,
        observation: Literal["rgb", "rgbd", "state"] = "rgb",
        size: int = 64,
        moves: bool = False,
        physics: Physics = FAST,
        render_mode: str | None = None,
    ) -> None:
        if observation not in OBSERVATIONS:
            raise UnknownNameError("observation", observation, OBSERVATIONS)
        if size < 1:
            raise InputError(f"size must be at least 1, not {size}")
        self.things: Sequence[Thing] = [] if objects == FRESH else things(objects)
        self.observation, self.size, self.moves, self.render_mode = observation, size, moves, render_mode
        self.factors = tuple(self._factors())
        self._gripper = slice(len(self.factors) - 6, None)
        self._body = slice(self._gripper.start - 8, self._gripper.start - 2)
        self.scene = Scene(physics)
        self.observation_space = self._space()
        self.action_space = spaces.Box(-1.0, 1.0, (7 if moves else 6,), np.float32)
        self._aims: dict[str, Pose | None] = {}
        self._thing: Thing | None = None
        self._values = np.zeros(len(self.factors), np.float32)
        self._target, self._left = HOME, MOVES
        self._ended = True

    def _factors(self) -> list[Factor]:
        if self.things:
            what = [Factor("object.instance", "categorical", 0, len(self.things) - 1, len(self.things), "", False)]
        else:
            what = [Factor("object.category", "categorical", 0, len(CATEGORIES) - 1, len(CATEGORIES), "", False)]
            what += [Factor(f"object.{name}", "continuous", 0.0, 1.0, None, "", False) for name in PARAMETERS]
        camera = [
            Factor("camera.azimuth", "cyclic", -math.pi, math.pi, None, "rad", False),
            Factor("camera.elevation", "continuous", ELEVATIONS[0], ELEVATIONS[-1], None, "rad", False),
        ]
        table = np.array([[-0.5, -0.5, -0.05], [0.5, 0.5, 0.6]])
        return [*what, *_pose_factors("object", table, True), *camera, *_pose_factors("gripper", ROOM, True)]

    def _space(self) -> spaces.Space[Any]:
        if self.observation == "state":
            return spaces.Box(-np.inf, np.inf, (STATE,), np.float32)
        rgb = spaces.Box(0, 255, (self.size, self.size, 3), np.uint8)
        depth = spaces.Box(0, np.inf, (self.size, self.size, 1), np.float32)
        return rgb if self.observation == "rgb" else spaces.Dict({"rgb": rgb, "depth": depth})

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Start an episode: an object that stands near the middle, seen from anywhere, and the gripper above it.

        Args:
            seed: Of all draws.
            options: ``"factors"``: name -> value, of those that are not to be drawn.

        Raises:
            ValueError: An unknown factor, or a value that it can't take.
        """
        super().reset(seed=seed)
        fixed, names = dict((options or {}).get("factors", {})), [factor.name for factor in self.factors]
        for name in fixed:
            if name not in names:
                raise ValueError(f"unknown reset option {name!r}: options['factors'] takes {', '.join(names)}")
        values = self._drawn()
        for name, value in fixed.items():
            values[names.index(name)] = value
        self.set_factors(values)
        return self.observe(), {}

    def _drawn(self) -> NDArray[np.float32]:
        """Factors as episodes begin."""
        rng = self.np_random
        found = np.array([rng.uniform(factor.low, factor.high) for factor in self.factors], np.float32)
        found[0] = rng.integers(self.factors[0].size or 1)
        found[self._body] = [*rng.uniform(-SPREAD, SPREAD, 2), 0, rng.uniform(-math.pi, math.pi), 0, 0]
        found[self._gripper] = _values_of(HOME, DOWN)
        return found

    def step(self, action: ArrayLike) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Grasp, or move.

        Raises:
            ValueError: An action of another shape, or outside of -1 .. 1.
            gymnasium.error.ResetNeeded: The episode is over.
        """
        if self._ended or self._thing is None:
            raise gymnasium.error.ResetNeeded("call reset() before this")
        given = np.asarray(action, np.float64)
        if given.shape != self.action_space.shape or not (np.abs(given) <= 1).all():
            raise ValueError(f"action must be {7 if self.moves else 6} numbers from -1 to 1, not {action!r}")
        self._left -= 1
        if self.moves and given[6] <= 0 and self._left:
            before = self._nearness()
            self._move(given)
            return self.observe(), PULL * (self._nearness() - before), False, False, {"is_success": False}
        found = self.scene.finish(self._target) if self.moves else self._attempt(given)
        self._ended = True
        return self.observe(), float(found.success), True, False, {"is_success": found.success, "result": found.result}

    def _attempt(self, given: Array) -> Attempt:
        low, high = (np.array([getattr(f, end) for f in self.factors[self._gripper]]) for end in ("low", "high"))
        grasp = _pose_of(low + (given + 1) / 2 * (high - low), DOWN)
        assert self._thing is not None
        found = self.scene.attempt(self._thing, grasp, self.scene.object_pose, COLOUR)
        if found.result == "collided":
            self.scene.add_gripper(HOME)
        return found

    def _move(self, given: Array) -> None:
        """Drive the gripper to its next pose in small steps, above the table."""
        begun, turn = self._target, Rotation.from_quat(self._target.rotation)
        turned = (turn * Rotation.from_rotvec(TURN * given[3:6])).as_quat()
        aimed = Pose(np.clip(begun.position + turn.apply(MOVE * given[:3]), *ROOM), turned)
        height = max(0.0, 0.002 - lowest(aimed))
        self._target = Pose(aimed.position + np.array([0, 0, height]), turned)
        count = round(SECONDS * self.scene.physics.rate)
        shares = np.arange(1, count + 1)[:, None] / count
        ways = begun.position + shares * (self._target.position - begun.position)
        turns = (turn * Rotation.from_rotvec(shares * TURN * given[3:6])).as_quat()
        for position, rotation in zip(ways, turns, strict=True):
            self.scene.move(Pose(position, rotation))
            self.scene.step()

    @property
    def aim(self) -> Pose | None:
        """The grasp that moves are to come nearer to, as the object lies now; None where there is none."""
        self._require()
        assert self._thing is not None
        if self._thing.name not in self._aims:
            if not self.things:
                self._aims.clear()  # shapes that are made afresh don't come again
            self._aims[self._thing.name] = _steepest(antipodal(self._thing.solid, TRIED, np.random.default_rng(0)))
        found = self._aims[self._thing.name]
        if found is None:
            return None
        there, here = found.after(self.scene.object_pose), Rotation.from_quat(self.scene.gripper_pose.rotation)
        turns = [Rotation.from_quat(there.rotation) * flip for flip in FLIPS]
        return Pose(there.position, min(turns, key=lambda turn: (here.inv() * turn).magnitude()).as_quat())

    def _nearness(self) -> float:
        """Minus how far the gripper is from its aim, m, where a rad counts as 10 cm."""
        aim, here = self.aim, self.scene.gripper_pose
        if aim is None:
            return 0.0
        turn = Rotation.from_quat(here.rotation).inv() * Rotation.from_quat(aim.rotation)
        return -float(np.linalg.norm(aim.position - here.position) + 0.1 * turn.magnitude())

    def observe(self) -> Any:
        """The observation of the present state."""
        if self.observation == "state":
            return self._state()
        view = self.look()
        return view.rgb if self.observation == "rgb" else {"rgb": view.rgb, "depth": view.depth[..., None]}

    def _state(self) -> NDArray[np.float32]:
        body, hand = self.scene.object_pose, self.scene.gripper_pose
        away = hand.inside(body.position[None])[0] / UNIT
        axes, up, height = body.matrix.T @ hand.matrix, hand.matrix[2], hand.position[2] / UNIT
        parts = [away, axes.ravel(), up, [height, self.scene.width / UNIT, self._left / MOVES]]
        return np.concatenate(parts).astype(np.float32)

    def look(self, size: int | None = None) -> View:
        """What the camera sees: colours, depth, and where the object and the gripper are."""
        return self.scene.look(replace(self._camera, size=size or self.size))

    @property
    def _camera(self) -> Camera:
        azimuth, elevation = self._values[self._gripper.start - 2 : self._gripper.start].tolist()
        return Camera(azimuth, elevation)

    def look_along(self, size: int | None = None) -> View:
        """What is seen from the gripper's palm, along its way, 10 cm across at the fingertips."""
        return self.scene.look_along(size or self.size)

    def occupancy(self, size: int = 32) -> NDArray[np.bool_]:
        """Where the object is: voxels of a cube of 28 cm on the middle of the table, in order x, y, z."""
        from .grid import occupancy

        self._require()
        assert self._thing is not None
        return occupancy(self._thing.solid, self.scene.object_pose, size)

    def render(self) -> Any:
        """A picture for people, 256 pixels: from where the camera is, with room for the gripper above the object."""
        return self.scene.look(replace(self._camera, distance=1.2, height=0.2, size=256)).rgb

    def close(self) -> None:
        """Let go of the simulator."""
        self.scene.close()

    def get_factors(self) -> NDArray[np.float32]:
        """Values of all factors: float32 ``(K,)``."""
        self._require()
        found = self._values.copy()
        found[self._body] = _values_of(self.scene.object_pose)
        found[self._gripper] = _values_of(self.scene.gripper_pose, DOWN)
        return found

    def set_factors(self, values: ArrayLike) -> None:
        """Go to a state with these values, at rest, with an open gripper and all moves left.

        Raises:
            ValueError: A value that a factor can't take, an object under the table, or a gripper that is in something.
        """
        given = np.asarray(values, np.float32)
        if given.shape != (len(self.factors),):
            raise ValueError(f"factor values must have shape ({len(self.factors)},), not {given.shape}")
        checked = np.array([on_grid(*pair) for pair in zip(self.factors, given, strict=True)], np.float32)
        thing = self._thing_of(checked)
        body, hand = _pose_of(checked[self._body]), _pose_of(checked[self._gripper], DOWN)
        if body.outside(thing.solid.vertices)[:, 2].min() < -0.002:
            raise ValueError(f"factor 'object.z' can't be {body.position[2]:g} m: the object is in the table there")
        self.scene.place(thing, body, COLOUR)
        if not self.scene.is_free(hand, way=False):
            self._restore()
            raise ValueError(f"factor 'gripper.z' can't be {hand.position[2]:g} m: the gripper is in something there")
        self.scene.add_gripper(hand)
        self._thing, self._values, self._target, self._left, self._ended = thing, checked, hand, MOVES, False

    def _restore(self) -> None:
        """Back to the last state that was set, where there was one."""
        if self._thing is not None:
            self.scene.place(self._thing, _pose_of(self._values[self._body]), COLOUR)
            self.scene.add_gripper(_pose_of(self._values[self._gripper], DOWN))

    def _thing_of(self, values: NDArray[np.float32]) -> Thing:
        """The object that factors say; the same as before where they say the same."""
        if self.things:
            return self.things[int(values[0])]
        category, parameters = CATEGORIES[int(values[0])], tuple(np.clip(values[1:5].tolist(), 0, 1).tolist())
        same = isinstance(self._thing, Shape) and (self._thing.category, self._thing.parameters) == (
            category,
            parameters,
        )
        return self._thing if same and self._thing is not None else Shape(category, parameters)

    def _require(self) -> None:
        if self._thing is None:
            raise gymnasium.error.ResetNeeded("call reset() before this")


def _steepest(grasps: Pose) -> Pose | None:
    """The one that comes most from above; None of none."""
    return grasps.row(int(grasps.matrix[:, 2, 2].argmin())) if len(grasps.position) else None


FLIPS = (Rotation.identity(), Rotation.from_rotvec([0, 0, math.pi]))
"""The gripper is the same when its fingers change places."""


def _values_of(pose: Pose, rest: Rotation | None = None) -> NDArray[np.float32]:
    """Six factors of a pose, whose turns are counted from ``rest``."""
    turn = Rotation.from_quat(pose.rotation) * (rest or Rotation.identity()).inv()
    return np.concatenate([pose.position, turn.as_euler("ZYX")]).astype(np.float32)


def _pose_of(values: ArrayLike, rest: Rotation | None = None) -> Pose:
    given = np.asarray(values, np.float64)
    return Pose(given[:3], (Rotation.from_euler("ZYX", given[3:]) * (rest or Rotation.identity())).as_quat())
