"""A table, an object and a gripper in PyBullet, and one attempt to grasp.

A scene is put together afresh for each attempt, out of collision shapes that are read once: what happens depends on
nothing that happened before, to the last bit (PyBullet's own `restoreState` doesn't promise that; bullet3#4387).

The protocol is that of the Volumetric Grasping Network (Breyer et al. 2020), and shaking: the gripper comes along its z
axis, and has failed if it touches anything before it closes. Until then nothing moves, so that part is geometry: each
box of the gripper, drawn out by its way, must be free. From there on everything is driven by forces.
"""

from __future__ import annotations

import math
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from scipy.spatial.transform import Rotation

from ...errors import InputError
from .camera import Camera, View, looking, metres, projection
from .gripper import APPROACH, OPENING, filled
from .poses import Pose, standing
from .solids import Array, Solid

Colour = tuple[float, float, float]
Result = Literal["held", "collided", "missed", "dropped", "shaken off"]
FORCE = 300.0
"""N that hold the palm where it is driven."""
GRIP = 20.0
"""N of a finger."""
SPEED = 0.1
"""m/s, of a finger."""
SECONDS = {"close": 0.5, "lift": 0.3, "shake": 0.3}
"""At most, to close."""
STALL, STALLED = 0.05, 0.0002
"""The fingers have closed where, for so many seconds, they come nearer to each other by less than that, m."""
LIFT, SHAKE = 0.1, 0.03
"""m up, and about so far to either side, once each; both begin and end at rest."""
EMPTY = 0.002
"""m between the pads, below which nothing is held."""
DISTANCE = 8
"""Place of the distance in what PyBullet says of a contact."""
LIGHT = (0.4, -0.5, 1.0)
"""Where light comes from."""
TABLE: Colour = (0.55, 0.5, 0.45)
LENS, ANGLE = 0.035, 1.6
"""m behind its origin, and rad, of what the gripper sees."""
ASIDE = [0.0, 0.0, -5.0]
"""Where nothing is seen of what is only there to be asked about."""
NEAR = 1e-4
"""m within which bodies touch."""
SHIFTED = 0.06
"""m that the palm's centre of mass is behind the gripper's origin."""


class Thing(Protocol):
    """What can be grasped; `Instance` is one."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def solid(self) -> Solid:
        """Its shape, the same object each time."""

    @property
    def mass(self) -> float:
        """In kg."""

    @property
    def friction(self) -> float:
        """Of its surface on the pads, whose own is 1."""


@dataclass(frozen=True)
class Physics:
    """How finely a scene is simulated.

    Args:
        rate: Steps a second.
        iterations: Of the solver, a step, at most.
        residual: What it stops at before.
    """

    rate: int = 240
    iterations: int = 50
    residual: float = 3e-3


FAST = Physics()
REFERENCE = Physics(240, 150, 1e-7)
"""What PyBullet does by itself, with three times the iterations."""


class Attempt(NamedTuple):
    """What came of a grasp."""

    result: Result
    """held: lifted and shaken; collided: touched something before it closed; missed: closed on nothing; dropped: by
    the end of the lift; shaken off: by the end."""
    object_pose: Pose
    """At the end."""
    gripper_pose: Pose
    width: float
    """m between the pads, at the end."""

    @property
    def success(self) -> bool:
        """Whether it is held."""
        return self.result == "held"


def bullet() -> Any:
    """PyBullet.

    Raises:
        InputError: It is not installed.
    """
    try:
        with silent(2):  # it says when it was built
            import pybullet
    except ImportError:
        raise InputError(
            "grasping needs PyBullet: pip install 'unbraid[grasp]' (it compiles on Python above 3.11)"
        ) from None
    return pybullet


class Scene:
    """A simulator of its own; close it, or use it in ``with``.

    Args:
        physics: How finely it simulates.
        remembers: Objects whose shapes it keeps; then it forgets them all.
    """

    def __init__(self, physics: Physics = FAST, remembers: int = 64) -> None:
        self.remembers = remembers
        self.bullet, self.physics = bullet(), physics
        self.client = self.bullet.connect(self.bullet.DIRECT)
        self._folder = Path(tempfile.mkdtemp(prefix="unbraid-"))
        self._release = weakref.finalize(self, _release, self.bullet, self.client, self._folder)
        self._shapes: dict[int, tuple[int, Solid]] = {}
        self._surfaces: dict[int, tuple[str, Solid]] = {}
        self._files = 0
        self._placed: list[int] = []
        self._centroid = np.zeros(3)
        self.gripper: int | None = None
        self._joined: list[int] = []
        self._clear()

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *what: Any) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the simulator and its files."""
        self._release()

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """A function of PyBullet, of this simulator."""
        return getattr(self.bullet, name)(*args, physicsClientId=self.client, **kwargs)

    def place(self, thing: Thing, pose: Pose | None = None, colour: Colour | None = None) -> None:
        """Begin again: an object on the table, standing at its middle by default, and nothing else.

        Args:
            thing: The object.
            pose: Where it is.
            colour: Red, green and blue from 0 to 1; white without.
        """
        for constraint in self._joined:
            self.call("removeConstraint", constraint)
        for body in reversed(self._placed):
            self.call("removeBody", body)
        self._joined, self._placed, self.gripper = [], [], None
        shape, pose = self._shape(thing.solid), pose or standing()
        seen = -1 if colour is None else self._surface(thing.solid, colour)
        self._centroid = thing.solid.centroid
        self.object = self.call(
            "createMultiBody", thing.mass, shape, seen, pose.position.tolist(), pose.rotation.tolist(),
            baseInertialFramePosition=self._centroid.tolist(), useMaximalCoordinates=1,
        )  # fmt: skip
        self.call("changeDynamics", self.object, -1, lateralFriction=thing.friction, spinningFriction=0.001)
        self._placed.append(self.object)

    def add_gripper(self, pose: Pose) -> None:
        """An open gripper, at a pose where it is free."""
        where = pose.position.tolist(), pose.rotation.tolist()
        self.gripper = self.call("loadURDF", str(files("unbraid.assets") / "gripper.urdf"), *where)
        self._placed.append(self.gripper)
        fixed, geared = self.bullet.JOINT_FIXED, self.bullet.JOINT_GEAR
        anchor = [0, 0, SHIFTED], where[0], [0, 0, 0, 1], where[1]
        self._hand = self.call("createConstraint", self.gripper, -1, -1, -1, fixed, [0, 0, 0], *anchor)
        gear = self.call("createConstraint", self.gripper, 0, self.gripper, 1, geared, [0, 1, 0], [0, 0, 0], [0, 0, 0])
        self.call("changeConstraint", gear, gearRatio=-1, maxForce=50, erp=0.1)
        self._joined = [self._hand, gear]
        for finger in (0, 1):
            self.call("resetJointState", self.gripper, finger, OPENING / 2)
            self.call("changeDynamics", self.gripper, finger, lateralFriction=1.0)
        self.move(pose)
        self.close_to(OPENING)

    def look(self, camera: Camera) -> View:
        """What a camera sees."""
        return self.look_from(camera.pose, camera.angle, camera.size)

    def look_along(self, size: int) -> View:
        """What is seen from the gripper's palm, along its way; its x axis is to the right."""
        hand = self.gripper_pose.along(-LENS)
        turned = Rotation.from_quat(hand.rotation) * Rotation.from_rotvec([math.pi, 0, 0])
        return self.look_from(Pose(hand.position, turned.as_quat()), ANGLE, size)

    def look_from(self, pose: Pose, angle: float, size: int) -> View:
        """What a camera at a pose sees, that looks along its -z axis."""
        _, _, rgb, depth, seen = self.call(
            "getCameraImage", size, size, looking(pose), projection(angle), shadow=0, lightDirection=LIGHT,
            renderer=self.bullet.ER_TINY_RENDERER,
        )  # fmt: skip
        bodies = np.reshape(seen, (size, size))
        rgb = np.reshape(np.asarray(rgb, np.uint8), (size, size, 4))[..., :3]
        gripper = bodies == self.gripper if self.gripper is not None else np.zeros_like(bodies, bool)
        return View(rgb, metres(np.reshape(depth, (size, size))), bodies == self.object, gripper)

    def move(self, pose: Pose) -> None:
        """Drive the gripper to a pose, with all its force at once: give small steps."""
        where = pose.position.tolist(), pose.rotation.tolist()
        self.call("changeConstraint", self._hand, *where, maxForce=FORCE)

    def close_to(self, width: float) -> None:
        """Drive the fingers to a width in m, with the force of a grip."""
        for finger in (0, 1):
            self.call(
                "setJointMotorControl2", self.gripper, finger, self.bullet.POSITION_CONTROL, width / 2, force=GRIP,
                maxVelocity=SPEED,
            )  # fmt: skip

    def step(self) -> None:
        """One step of the physics."""
        self.call("stepSimulation")

    @property
    def width(self) -> float:
        """Metres between the pads."""
        return float(sum(self.call("getJointState", self.gripper, finger)[0] for finger in (0, 1)))

    @property
    def is_between(self) -> bool:
        """Whether both fingers touch the object."""
        near = (self.call("getContactPoints", self.gripper, self.object, finger) for finger in (0, 1))
        return all(any(point[DISTANCE] < NEAR for point in points) for points in near)

    @property
    def object_pose(self) -> Pose:
        """Where the object is."""
        return self._pose(self.object, self._centroid)

    @property
    def gripper_pose(self) -> Pose:
        """Where the gripper is."""
        assert self.gripper is not None, "add_gripper comes first"
        return self._pose(self.gripper, np.array([0, 0, -SHIFTED]))

    def _pose(self, body: int, centroid: Array) -> Pose:
        """Of a body's frame; PyBullet says where its centre of mass is."""
        found = Pose(*map(np.array, self.call("getBasePositionAndOrientation", body)))
        return Pose(found.position - found.matrix @ centroid, found.rotation)

    def is_free(self, grasp: Pose, way: bool = True) -> bool:
        """Whether the open gripper touches nothing at a pose, nor on its way there from 5 cm behind it."""
        ghost = self._ghosts[way]
        self.call("resetBasePositionAndOrientation", ghost, grasp.position.tolist(), grasp.rotation.tolist())
        touched = any(self.call("getClosestPoints", ghost, body, 0.0) for body in (self.object, self.table))
        self.call("resetBasePositionAndOrientation", ghost, ASIDE, [0, 0, 0, 1])
        return not touched

    def attempt(self, thing: Thing, grasp: Pose, pose: Pose | None = None, colour: Colour | None = None) -> Attempt:
        """Come to a pose from 5 cm behind it, close, lift by 10 cm and shake.

        Args:
            thing: What is to be grasped.
            grasp: Of the gripper as it closes.
            pose: Of the object, standing in the middle of the table by default.
            colour: See `place`.
        """
        self.place(thing, pose, colour)
        if not self.is_free(grasp):
            return Attempt("collided", pose or standing(), grasp, OPENING)
        self.add_gripper(grasp)
        return self.finish(grasp)

    def finish(self, grasp: Pose) -> Attempt:
        """Close the gripper where it is, lift and shake."""
        return Attempt(self._result(grasp), self.object_pose, self.gripper_pose, self.width)

    def _result(self, grasp: Pose) -> Result:
        height = self.object_pose.position[2]
        if self._closed() < EMPTY:
            return "missed"
        for share in self._shares("lift"):
            self._shift(grasp, 0.0, LIFT * share**2 * (3 - 2 * share))
        if not self._holds(height):
            return "dropped"
        for share in self._shares("shake"):
            self._shift(grasp, SHAKE * float(np.sin(2 * np.pi * share) * np.sin(np.pi * share)), LIFT)
        return "held" if self._holds(height) else "shaken off"

    def _closed(self) -> float:
        """Close the fingers until they are held up, and say at what width."""
        self.close_to(0.0)
        look, width = round(STALL * self.physics.rate), OPENING
        for k in range(len(self._shares("close"))):
            self.step()
            if k % look == look - 1:
                before, width = width, self.width
                if before - width < STALLED:
                    break
        return self.width

    def _holds(self, height: float) -> bool:
        """Whether the object is between the fingers, and has come along."""
        return self.is_between and bool(self.object_pose.position[2] > height + LIFT / 2)

    def _shift(self, grasp: Pose, aside: float, up: float) -> None:
        self.move(Pose(grasp.position + np.array([aside, 0, up]), grasp.rotation))
        self.step()

    def _shares(self, phase: str) -> Array:
        """How far a phase is at the end of each of its steps, up to 1."""
        steps = round(SECONDS[phase] * self.physics.rate)
        return np.arange(1, steps + 1) / steps

    def _clear(self) -> None:
        """An empty table; files are read afresh, since what is kept of them is never let go of."""
        self._shapes, self._surfaces, self._placed, self._joined = {}, {}, [], []
        for path in self._folder.iterdir():
            path.unlink()
        self.call("resetSimulation")
        self.call(
            "setPhysicsEngineParameter", fixedTimeStep=1 / self.physics.rate,
            numSolverIterations=self.physics.iterations, solverResidualThreshold=self.physics.residual,
            deterministicOverlappingPairs=1, enableFileCaching=0,
        )  # fmt: skip
        self.call("setGravity", 0, 0, -9.81)
        slab = self.call("createCollisionShape", self.bullet.GEOM_BOX, halfExtents=[0.6, 0.6, 0.05])
        top = self.call("createVisualShape", self.bullet.GEOM_BOX, halfExtents=[0.6, 0.6, 0.05], rgbaColor=[*TABLE, 1])
        self.table = self.call("createMultiBody", 0, slab, top, [0, 0, -0.05])
        self._ghosts = [self._ghost(filled(way)) for way in (0.0, APPROACH)]

    def _ghost(self, boxes: Array) -> int:
        """A body that touches nothing, to ask what it would touch."""
        drawn = self.call(
            "createCollisionShapeArray", shapeTypes=[self.bullet.GEOM_BOX] * len(boxes),
            halfExtents=((boxes[:, 1] - boxes[:, 0]) / 2).tolist(), collisionFramePositions=boxes.mean(1).tolist(),
        )  # fmt: skip
        body: int = self.call("createMultiBody", 0, drawn, -1, ASIDE)
        self.call("setCollisionFilterGroupMask", body, -1, 0, 0)
        return body

    def _shape(self, solid: Solid) -> int:
        """The collision shape of a solid, read once."""
        if id(solid) not in self._shapes:
            if len(self._shapes) >= self.remembers:
                self._clear()
            shape = self.call("createCollisionShape", self.bullet.GEOM_MESH, fileName=self._written(solid, parts=True))
            self._shapes[id(solid)] = shape, solid
        return self._shapes[id(solid)][0]

    def _surface(self, solid: Solid, colour: Colour) -> int:
        """What is seen of a solid."""
        if id(solid) not in self._surfaces:
            self._surfaces[id(solid)] = self._written(solid, parts=False), solid
        path = self._surfaces[id(solid)][0]
        shape: int = self.call("createVisualShape", self.bullet.GEOM_MESH, fileName=path, rgbaColor=[*colour, 1])
        return shape

    def _written(self, solid: Solid, parts: bool) -> str:
        """The name of a new file of it."""
        self._files += 1
        path = self._folder / f"{self._files}.obj"
        solid.write_obj(path, parts)
        return str(path)


@contextmanager
def silent(number: int) -> Iterator[None]:
    """What a library writes to the process's own stdout (1) or stderr (2), unread."""
    (sys.stdout if number == 1 else sys.stderr).flush()
    kept = os.dup(number)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), number)
            yield
    finally:
        os.dup2(kept, number)
        os.close(kept)


def _release(library: Any, client: int, folder: Path) -> None:
    library.disconnect(client)
    shutil.rmtree(folder, ignore_errors=True)
