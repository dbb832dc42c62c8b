"""Nets that foretell what comes of a grasp: with geometry, without, and with volumes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...envs.grasp.camera import Camera
from ...envs.grasp.grid import HIGH, LOW
from ...errors import InputError, UnknownNameError
from ...representation.grasps import Batch, Loader
from ...representation.networks import initialise
from ...representation.training import Learner
from .._parts import Settings
from .projection import LEAST, LOCAL, Pixels, axes_of, local_points, look_up, project, read, seen_along

SEEN = (15, 45)
"""Elevations that are learnt from, degrees; Yan et al. 2017 try 30 and 60, too."""
NEAR = 0.02
"""m of a surface, within which a volume says how far it is."""
NEAR_ENOUGH = 0.006
"""m that a ray may stop off the depth that was seen."""
SLACK = 0.001
"""m in front of a surface that are not yet seen through."""
EVERY = 4
"""Pixels, either way, one of which counts in a step."""
RARE = -2.5
"""Logit of occupancy to begin with: of a half, every ray would stop at once, and tell nothing of what is behind."""
SPREAD = 0.1
"""m, what positions are divided by."""
BETWEEN = ((0.0, -0.03, 0.0), (0.0, 0.0, 0.0), (0.0, 0.03, 0.0))
"""Where a volume is read: between the pads and beside them, m in the gripper's frame."""
MODELS = ("geometry", "cnn", "volume")


@dataclass(frozen=True)
class Config(Settings):
    """A net and its training.

    Args:
        model: geometry: from one view of colours and depth a code of the shape, from that a grid of occupancy, and what
            the gripper meets in it, beside the view itself. cnn: the same without shape, the paper's baseline. volume:
            three-dimensional convolutions of how far surfaces are, read where the gripper closes (in the manner of VGN,
            Breyer et al. 2020, and GIGA, Jiang et al. 2021).
        supervision: Of geometry: views, depth and silhouettes from other sides, as in the paper; or grid, the true
            occupancy.
        local: Of geometry: slices, what the gripper meets layer by layer; or depth, its depth and silhouette, as in the
            paper.
        bottleneck: Size of the code of the shape.
        hidden: Units of what foretells the outcome.
        steps: Optimiser steps.
        batch_size: Scenes of a step.
        grasps: Of each scene.
        views: Of each scene that the shape is held against.
        learning_rate: Of Adam; it falls linearly to 0 over the last fifth of the steps.
        rays: Weight of the likelihood of depths and silhouettes, of views.
        grid: Weight of the cross-entropy of voxels: with the true ones, or, of views, with those that none of them sees
            through, which is beyond the paper. Views alone say nothing of what is inside.
    """

    model: Literal["geometry", "cnn", "volume"] = "geometry"
    supervision: Literal["views", "grid"] = "views"
    local: Literal["slices", "depth"] = "slices"
    bottleneck: int = 768
    hidden: int = 256
    steps: int = 1500
    batch_size: int = 12
    grasps: int = 12
    views: int = 2
    learning_rate: float = 1e-3
    rays: float = 1.0
    grid: float = 10.0

    def __post_init__(self) -> None:
        counts = ("bottleneck", "hidden", "steps", "batch_size", "grasps", "views", "learning_rate")
        self.require(*counts, at_least_0=("rays", "grid"))
        for name, known in (("model", MODELS), ("supervision", ("views", "grid")), ("local", ("slices", "depth"))):
            if getattr(self, name) not in known:
                raise UnknownNameError(name, getattr(self, name), known)
        if self.model != "geometry" and (self.supervision, self.local) != ("views", "slices"):
            raise InputError(f"supervision and local are of the model geometry, and say nothing of {self.model}")


class Inputs(NamedTuple):
    """What a step of training reads."""

    batch: Batch
    chosen: Tensor
    """Numbers of the views that the shape is held against."""
    pixels: Pixels
    """Rows and columns of these that count."""


class View(NamedTuple):
    """What a camera at azimuth 0 measures."""

    depth: Tensor
    """m, ``(B, H, W)``"""
    elevation: Tensor
    """rad, ``(B,)``"""


class Seen(NamedTuple):
    """What a net reads from views, whatever the grasp."""

    told: Tensor
    """``(B, D)``"""
    view: View
    shape: Tensor | None
    """Logits of occupancy, ``(B, 32, 32, 32)``; of geometry."""
    volume: Tensor | None
    """Features ``(B, C, X, Y, Z)``; of volume."""


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(B, C, H, W)`` to the same."""
        changed: Tensor = self.second(functional.relu(self.first(functional.relu(self.norm(x)))))
        return x + changed


def image_encoder(size: int, outputs: int) -> nn.Sequential:
    """Colours and depth ``(B, 4, size, size)`` to ``(B, outputs)``."""
    layers: list[nn.Module] = []
    for inner, outer in ((4, 32), (32, 64), (64, 64)):
        layers += [nn.Conv2d(inner, outer, 4, 2, 1), nn.ReLU(), Block(outer)]
    layers += [nn.Conv2d(64, 128, 4, 2, 1), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(128 * (size // 16) ** 2, outputs), nn.ReLU())


class ShapeDecoder(nn.Module):
    """A code, and how far what was seen is, place for place, to logits of occupancy.

    Works on the table's plane, the grid's heights as channels: what stands on a table is columns, and convolutions in
    two dimensions are cheaper than those in three.

    Args:
        inputs: Size of the code.
        channels: Of what is between.
    """

    def __init__(self, inputs: int, channels: int = 48) -> None:
        super().__init__()
        self.start = nn.Sequential(nn.Linear(inputs, channels * 64), nn.ReLU(), nn.Unflatten(1, (channels, 8, 8)))
        self.up = nn.ModuleList([nn.ConvTranspose2d(channels, channels, 4, 2, 1) for _ in range(2)])
        self.seen = nn.ModuleList([nn.Conv2d(32, channels, 4, 2, 1), nn.Conv2d(32, channels, 3, padding=1)])
        self.blocks = nn.ModuleList([nn.Sequential(Block(channels), Block(channels)), Block(channels)])
        self.last = nn.Conv2d(channels, 32, 1)

    def forward(self, code: Tensor, seen: Tensor) -> Tensor:
        """``(B, inputs)`` and distances ``(B, 32, 32, 32)`` in order x, y, z: ``(B, 32, 32, 32)``."""
        hidden, columns = self.start(code), seen.permute(0, 3, 1, 2)
        for up, look, blocks in zip(self.up, self.seen, self.blocks, strict=True):
            hidden = blocks(up(functional.relu(hidden)) + look(columns))
        logits: Tensor = self.last(functional.relu(hidden))
        return logits.permute(0, 2, 3, 1)


def local_encoder(channels: int, outputs: int) -> nn.Sequential:
    """What the gripper meets, ``(N, channels, y, x)``, to ``(N, outputs)``."""
    (_, _, across), (_, _, along), _ = LOCAL
    return nn.Sequential(
        nn.Conv2d(channels, 32, 4, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.Conv2d(32, 48, 4, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(48 * (across // 4) * (along // 4), outputs), nn.ReLU(),
    )  # fmt: skip


class Volume(nn.Module):
    """Features of a volume ``(B, 1, 32, 32, 32)``: ``(B, channels, 32, 32, 32)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [nn.Conv3d(1, 16, 4, 2, 1), nn.Conv3d(16, 32, 4, 2, 1), nn.Conv3d(32, 32, 3, padding=1)]
        )
        self.up = nn.ModuleList([nn.ConvTranspose3d(32, 16, 4, 2, 1), nn.Conv3d(32, channels, 3, padding=1)])

    def forward(self, x: Tensor) -> Tensor:
        """At half the resolution: features are read between voxels anyway."""
        half = functional.relu(self.down[0](x))
        quarter = functional.relu(self.down[1](half))
        quarter = quarter + functional.relu(self.down[2](quarter))
        found: Tensor = self.up[1](torch.cat([half, functional.relu(self.up[0](quarter))], 1))
        return found


class GraspNet(Learner):
    """Foretells whether a grasp holds, from one view of a scene.

    Everything is told in the frame of a table that is turned so that the camera stands at azimuth 0; the elevation is
    known, as in the paper the camera's pose is.

    Args:
        config: Sizes and weights.
        camera: Of the views, but for where it stands.
        generator: Draws the initial weights.
    """

    def __init__(self, config: Config, camera: Camera, generator: torch.Generator) -> None:
        super().__init__()
        self.config, self.camera = config, camera
        told = 14  # position, axes, and sine and cosine of the elevation
        if config.model != "volume":
            self.state_encoder = image_encoder(camera.size, config.hidden)
            told += config.hidden
        if config.model == "geometry":
            self.shape_encoder = image_encoder(camera.size, config.bottleneck)
            self.shape_bottleneck = nn.Linear(config.bottleneck + 2, config.bottleneck)
            self.shape_decoder = ShapeDecoder(config.bottleneck)
            self.local_encoder = local_encoder(2 * LOCAL[2][2] if config.local == "slices" else 2, config.hidden)
            told += config.hidden
        if config.model == "volume":
            self.volume = Volume(32)
            told += 3 * 32
        self.outcome = nn.Sequential(
            nn.Linear(told, config.hidden), nn.ReLU(), nn.Linear(config.hidden, config.hidden), nn.ReLU(),
            nn.Linear(config.hidden, 1),
        )  # fmt: skip
        initialise(self, generator)
        if config.model == "geometry":
            self.shape_decoder.last.get_parameter("bias").data.fill_(RARE)

    def prepare(self, batch: Batch, step: int, generator: torch.Generator) -> Inputs:
        """Some of the views, and fingers that may have changed places, which is the same grasp."""
        device = batch.success.device
        sign = torch.randint(2, batch.success.shape, generator=generator, device=device)[..., None, None] * 2 - 1
        rotation = batch.rotation * torch.cat([sign, sign, torch.ones_like(sign)], -1)
        chosen = torch.randperm(batch.around_mask.shape[1], generator=generator, device=device)
        pixels = slice(step % EVERY, None, EVERY), slice(step // EVERY % EVERY, None, EVERY)
        return Inputs(batch._replace(rotation=rotation), chosen[: self.config.views], pixels)

    def forward(self, inputs: Inputs, turn: int = 0) -> dict[str, Tensor]:
        """Cross-entropy of outcomes, and what holds the shape to what was seen or is."""
        del turn
        batch, config = inputs.batch, self.config
        seen = self.see(batch.rgbd, batch.elevation)
        logits, shape = self.logits(seen, batch.position, batch.rotation), seen.shape
        found = {"outcome": functional.binary_cross_entropy_with_logits(logits, batch.success)}
        weights = {name: getattr(config, name) for name in ("rays", "grid")}
        if shape is not None:
            full = batch.occupancy if config.supervision == "grid" else carved(batch, self.camera)
            found["grid"] = functional.binary_cross_entropy_with_logits(shape, full)
            if config.supervision == "views" and config.rays:
                found["rays"] = self._rays(shape.sigmoid(), inputs)
        return {"loss": torch.stack([weights.get(name, 1.0) * term for name, term in found.items()]).sum(), **found}

    def _rays(self, occupancy: Tensor, inputs: Inputs) -> Tensor:
        """Minus the log-likelihood of what other views saw, a ray.

        A ray that saw the object stops nowhere before that depth, and there it stops; one that saw none stops nowhere
        (ray consistency as in Tulsiani et al. 2017, of events' likelihood instead of their expected cost).
        """
        batch, chosen = inputs.batch, inputs.chosen
        camera = replace(self.camera, size=batch.around_mask.shape[-1])
        views = project(
            occupancy, batch.around_azimuth[:, chosen], batch.around_elevation[:, chosen], camera, inputs.pixels
        )
        mask, depth = (seen[:, chosen][:, :, *inputs.pixels] for seen in (batch.around_mask, batch.around_depth))
        behind = views.depths[:, None, None] - depth[:, :, None]
        empty = torch.log1p(-views.full)
        before = (empty * (behind < -NEAR_ENOUGH)).sum(2)
        there = (empty * (behind.abs() <= NEAR_ENOUGH)).sum(2).clamp_max(-LEAST)
        hit = before + torch.log(-torch.expm1(there))
        return -(mask * hit + (1 - mask) * views.log_missed).mean()

    def see(self, rgbd: Tensor, elevation: Tensor) -> Seen:
        """All that is read from views ``(B, 4, H, W)`` from elevations ``(B,)`` in rad, once for all grasps."""
        even, told = _even(rgbd, self.camera), torch.stack([elevation.sin(), elevation.cos()], 1)
        view = View(rgbd[:, 3], elevation)
        if self.config.model == "volume":
            return Seen(told, view, None, self.volume(distances(view, grid_points(rgbd), self.camera)[:, None]))
        shape = None
        if self.config.model == "geometry":
            code = functional.relu(self.shape_bottleneck(torch.cat([self.shape_encoder(even), told], 1)))
            shape = self.shape_decoder(code, distances(view, grid_points(rgbd), self.camera))
        return Seen(torch.cat([told, self.state_encoder(even)], 1), view, shape, None)

    def logits(self, seen: Seen, position: Tensor, rotation: Tensor) -> Tensor:
        """Of success: of G grasps in each of B scenes, ``(B, G)``.

        Args:
            seen: What `see` says of their views.
            position: m, ``(B, G, 3)``.
            rotation: Axes as columns, ``(B, G, 3, 3)``.
        """
        count, grasps = position.shape[:2]
        centre = position.new_tensor([0, 0, self.camera.height])
        parts = [(position - centre) / SPREAD, rotation.flatten(2), seen.told[:, None].expand(-1, grasps, -1)]
        if seen.volume is not None:
            points = position[:, :, None] + position.new_tensor(BETWEEN) @ rotation.mT
            parts.append(_read_features(seen.volume, points))
        if seen.shape is not None:
            points = local_points(position, rotation)
            met = read(seen.shape.sigmoid(), points)
            if self.config.local == "slices":
                met = torch.cat([met, distances(seen.view, points, self.camera)], 2)
            else:
                met = seen_along(met)
            parts.append(self.local_encoder(met.flatten(0, 1)).view(count, grasps, -1))
        found: Tensor = self.outcome(torch.cat(parts, 2))
        return found[..., 0]

    def encode(self, images: Tensor) -> Tensor:
        """Not of colours alone.

        Raises:
            InputError: Always: see `see`.
        """
        raise InputError("grasp nets read colours and depth: take see(rgbd, elevation)")

    def decode(self, codes: Tensor) -> Tensor:
        """No images.

        Raises:
            InputError: Always: see `see`.
        """
        raise InputError("grasp nets decode shapes and no images: take see(rgbd, elevation).shape")


def distances(view: View, points: Tensor, camera: Camera) -> Tensor:
    """How far points ``(B, ..., 3)`` are in front of the surface that is seen on their ray, ``(B, ...)``.

    In units of 2 cm, from -1, behind it, to 1 (a truncated signed distance, Curless & Levoy 1996).
    """
    axes = axes_of(torch.zeros_like(view.elevation), view.elevation)
    ahead, seen = look_up(view.depth, axes, points.flatten(1, -2), camera, "bilinear")
    return ((seen - ahead) / NEAR).clamp(-1, 1).view(points.shape[:-1])


def carved(batch: Batch, camera: Camera) -> Tensor:
    """Voxels that no view from around sees through, ``(B, 32, 32, 32)``, 1 or 0 (Kutulakos & Seitz 2000).

    A view sees through a voxel where all pixels next to its middle do, which are about half a voxel away.
    """
    camera = replace(camera, size=batch.around_mask.shape[-1])
    depth = batch.around_depth.masked_fill(batch.around_mask == 0, torch.inf)
    nearest = -functional.max_pool2d(-depth, 3, 1, 1)
    axes, points = axes_of(batch.around_azimuth, batch.around_elevation), grid_points(depth)[0].flatten(0, 2)
    full = torch.ones(len(depth), len(points), dtype=torch.bool, device=depth.device)
    for k in range(depth.shape[1]):
        ahead, seen = look_up(nearest[:, k], axes[:, k], points, camera, "nearest")
        full &= seen - ahead < SLACK
    return full.view(batch.occupancy.shape).float()


def grid_points(like: Tensor, size: int = 32) -> Tensor:
    """Middles of voxels for each of a batch, ``(B, size, size, size, 3)``."""
    axes = [
        low + (torch.arange(size, device=like.device) + 0.5) / size * (high - low)
        for low, high in zip(LOW.tolist(), HIGH.tolist(), strict=True)
    ]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).to(like.dtype)
    return points.expand(len(like), -1, -1, -1, -1)


def _read_features(features: Tensor, points: Tensor) -> Tensor:
    """Features ``(B, C, X, Y, Z)`` at points ``(B, G, P, 3)``: ``(B, G, P C)``."""
    read_each = [read(features[:, k], points) for k in range(features.shape[1])]
    return torch.stack(read_each, -1).flatten(2)


def _even(rgbd: Tensor, camera: Camera) -> Tensor:
    """Colours and depth about 0."""
    depth = (rgbd[:, 3:] - camera.distance) * 5
    return torch.cat([rgbd[:, :3] - 0.5, depth.clamp(-2, 2)], 1)


class Batches:
    """Endless batches of a collection.

    Args:
        loader: The collection.
        config: How large they are.
        seed: Of what is drawn.
    """

    def __init__(self, loader: Loader, config: Config, seed: int) -> None:
        self.loader, self.config, self.seen = loader, config, learnt_from(loader)
        self.generator = torch.Generator().manual_seed(seed)

    def draw(self) -> Batch:
        """The next one."""
        return self.loader.draw(self.config.batch_size, self.config.grasps, self.seen, self.generator)

    def state_dict(self) -> dict[str, Any]:
        """The generator."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.generator.set_state(state["generator"])


def learnt_from(loader: Loader) -> list[int]:
    """Numbers of a collection's elevations that nets learn from.

    Raises:
        InputError: There is none.
    """
    degrees = [round(math.degrees(angle)) for angle in loader.found.about["elevations"]]
    numbers = [number for number, angle in enumerate(degrees) if angle in SEEN]
    if not numbers:
        said = ", ".join(f"{angle}" for angle in degrees)
        raise InputError(f"nets learn from views from 15 and 45 degrees, and the collection has {said}")
    return numbers


def check_camera(loader: Loader, camera: Camera) -> None:
    """Raise `InputError` where a collection was seen by another camera than a net's."""
    about, size = loader.found.about, loader.found.scenes["rgb"].shape[2]
    for name, given in (("size", size), *((name, about[name]) for name in ("distance", "height", "angle"))):
        wanted = getattr(camera, name)
        if given != wanted:
            raise InputError(f"nets see by a camera of {name} {wanted:g}, and the collection was seen by {given:g}")


def build(config: Config, source: Any, generator: torch.Generator, sets: int = 1) -> GraspNet:
    """An untrained net, for a collection or for where runs of it are loaded.

    Raises:
        InputError: The collection was seen by another camera, or from fewer sides than a step looks from.
    """
    del sets
    camera = Camera()
    if isinstance(source, Loader):
        check_camera(source, camera)
        views = source.found.scenes["around_mask"].shape[1]
        if config.views > views:
            raise InputError(f"views must be at most {views}, as many as the collection has of a scene from all sides")
    return GraspNet(config, camera, generator)


def data(config: Config, source: Any, seed: int) -> Batches:
    """Batches of a collection.

    Raises:
        InputError: An environment instead, or a collection without elevations to learn from.
    """
    if not isinstance(source, Loader):
        raise InputError("grasp learns from a collection: give --data FILE.h5, made with unbraid collect grasp")
    return Batches(source, config, seed)
