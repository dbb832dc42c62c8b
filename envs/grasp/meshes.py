"""Objects from files: OBJ, STL and URDF, and those that PyBullet brings along.

A mesh is in m, z up. It is put on the middle of the table, and taken apart into convex polyhedra where it isn't convex
(V-HACD, seconds; kept in a cache by what is in the file). What a file is like is found out when it is used, so that one
bad file spoils nothing else.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from scipy.spatial.transform import Rotation

from ...errors import InputError
from .scene import bullet, silent
from .solids import Array, Solid

SUFFIXES = (".obj", ".stl", ".urdf")
LARGEST = 0.5
"""m that an object is wide or high at most."""
LEAST = 1e-8
"""m^3 that an object has at least: 10 mm^3, 3 mg."""
DENSITY, FRICTION = 300.0, 0.6
"""kg/m^3 and the coefficient of an object that says neither."""
BUNDLED = (
    "duck_vhacd.urdf", "cube_small.urdf", "sphere_small.urdf", "lego/lego.urdf", "jenga/jenga.urdf",
    "domino/domino.urdf",
)  # fmt: skip
"""Of PyBullet's own objects, those that a gripper that opens by 8 cm can hold."""


@dataclass(frozen=True)
class Mesh:
    """An object in a file."""

    path: Path
    category: str = "mesh"

    @property
    def name(self) -> str:
        """The file's, without its ending."""
        return self.path.stem

    @cached_property
    def solid(self) -> Solid:
        """Its shape, standing on z = 0 around the z axis.

        Raises:
            InputError: It can't be read, isn't watertight, has no inside, or is larger than 50 cm.
        """
        mesh = self._mesh
        size = float((mesh.bounds[1] - mesh.bounds[0]).max())
        if not mesh.is_watertight:
            raise InputError(f"{self.path} is not watertight: its surface has holes, or edges of a single triangle")
        if size > LARGEST:
            raise InputError(f"{self.path} is {size:.3g} m large, and may be {LARGEST:g}; meshes are in m: scale it")
        with np.errstate(all="ignore"):  # of what is flat
            mesh.fix_normals()
        if np.linalg.det(mesh.triangles).sum() / 6 < LEAST:
            raise InputError(f"{self.path} encloses nothing: it is flat, or less than {LEAST:g} m^3")
        middle = mesh.bounds.mean(0)
        mesh.apply_translation([-middle[0], -middle[1], -mesh.bounds[0, 2]])
        return Solid(tuple(self._parts(mesh)), np.array(mesh.vertices, float), np.array(mesh.faces, np.int64))

    @property
    def mass(self) -> float:
        """In kg, as a URDF says it, or of 300 kg/m^3."""
        return self._said("inertial/mass") or self.solid.enclosed * DENSITY

    @property
    def friction(self) -> float:
        """As a URDF says it, or 0.6."""
        return self._said("contact/lateral_friction") or FRICTION

    @cached_property
    def _link(self) -> Any:
        """The link of a URDF."""
        try:
            links = ElementTree.parse(self.path).getroot().findall("link")
        except (OSError, ElementTree.ParseError) as error:
            raise InputError(f"{self.path} can't be read: {error}") from None
        if len(links) != 1:
            raise InputError(f"{self.path} has {len(links)} links, and must have one: objects are rigid")
        return links[0]

    def _said(self, where: str) -> float:
        """What a URDF says somewhere, 0 where it says nothing."""
        found = self._link.find(where) if self.path.suffix.lower() == ".urdf" else None
        if found is None:
            return 0.0
        (said,) = self._numbers(found, "value", 1)
        if said < 0:
            raise InputError(f"{self.path}: {found.tag} must be at least 0, not {said:g}")
        return said

    def _numbers(self, element: Any, name: str, count: int) -> list[float]:
        """An attribute of an element of a URDF."""
        said = element.get(name, "")
        try:
            found = [float(one) for one in said.split()]
        except ValueError:
            found = []
        if len(found) != count or not np.isfinite(found).all():
            wanted = "a number" if count == 1 else f"{count} numbers"
            raise InputError(f"{self.path}: {name} of {element.tag} must be {wanted}, not {said!r}")
        return found

    @cached_property
    def _mesh(self) -> Any:
        import trimesh

        if self.path.suffix.lower() != ".urdf":
            return _load(self.path)
        found = [self._shape(one) for one in self._link.findall("collision")]
        if not found:
            raise InputError(f"{self.path} says no collision shape of its link")
        return trimesh.util.concatenate(found)

    def _shape(self, collision: Any) -> Any:
        """A collision shape of a URDF: a mesh, a box, a sphere or a cylinder."""
        from trimesh import creation

        geometry = collision.find("geometry")
        if geometry is None or not len(geometry):
            raise InputError(f"{self.path} has a collision without a geometry")
        kind = geometry[0]
        if kind.tag == "mesh":
            shape = self._mesh_of(kind)
        elif kind.tag == "box":
            shape = creation.box(extents=self._numbers(kind, "size", 3))
        elif kind.tag == "sphere":
            shape = creation.icosphere(subdivisions=2, radius=self._numbers(kind, "radius", 1)[0])
        elif kind.tag == "cylinder":
            (radius,), (height,) = self._numbers(kind, "radius", 1), self._numbers(kind, "length", 1)
            shape = creation.cylinder(radius=radius, height=height)
        else:
            raise InputError(f"{self.path} has a {kind.tag}, and may have a mesh, box, sphere or cylinder")
        origin = collision.find("origin")
        if origin is not None:
            rpy, xyz = (self._numbers(origin, name, 3) if origin.get(name) else (0, 0, 0) for name in ("rpy", "xyz"))
            turn = np.eye(4)
            turn[:3, :3], turn[:3, 3] = Rotation.from_euler("xyz", rpy).as_matrix(), xyz
            shape.apply_transform(turn)
        return shape

    def _mesh_of(self, kind: Any) -> Any:
        """The mesh file that a URDF names."""
        name = kind.get("filename", "")
        if "://" in name:
            raise InputError(f"{self.path} names {name}: give a path from where the URDF is, since no ROS is asked")
        shape = _load(self.path.parent / name)
        if kind.get("scale"):
            shape.apply_scale(self._numbers(kind, "scale", 3))
        return shape

    def _parts(self, mesh: Any) -> list[Array]:
        """Corners of convex polyhedra that make up a mesh."""
        bodies = mesh.split(only_watertight=False)
        if all(body.is_convex for body in bodies):
            return [np.array(body.vertices, float) for body in bodies]
        digest = hashlib.sha256(np.array(mesh.vertices).tobytes() + np.array(mesh.faces).tobytes()).hexdigest()
        kept = cache_folder() / f"{digest[:32]}.obj"
        if not kept.exists():
            _decompose(mesh, kept)
        return _groups(kept)


def read_folder(folder: Path) -> list[Mesh]:
    """All meshes in a folder, by name.

    Raises:
        InputError: There are none.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    if not found:
        raise InputError(f"{folder} holds no objects: there must be {', '.join(SUFFIXES)} files in it")
    return [Mesh(path) for path in found]


def bundled() -> list[Mesh]:
    """PyBullet's own objects."""
    bullet()
    import pybullet_data

    return [Mesh(Path(pybullet_data.getDataPath()) / name) for name in BUNDLED]


def cache_folder() -> Path:
    """Where what takes long to make is kept: ``UNBRAID_CACHE``, or ``~/.cache/unbraid``."""
    folder = Path(os.environ.get("UNBRAID_CACHE") or Path.home() / ".cache" / "unbraid") / "convex"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _load(path: Path) -> Any:
    import trimesh

    try:
        mesh: Any = trimesh.load(path, force="mesh")
    except ImportError:  # what trimesh would guess an encoding with
        raise InputError(f"{path} can't be read as a mesh: it is damaged or cut short") from None
    except Exception as error:  # a reader of damaged files may raise anything
        raise InputError(f"{path} can't be read as a mesh: {error}") from None
    if not len(getattr(mesh, "faces", ())):
        raise InputError(f"{path} holds no triangles")
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return mesh


def _decompose(mesh: Any, kept: Path) -> None:
    """V-HACD, as PyBullet has it, from file to file."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
        whole, parts, log = (str(Path(folder) / name) for name in ("whole.obj", "parts.obj", "log.txt"))
        Path(whole).write_text(mesh.export(file_type="obj", include_normals=False))
        with silent(1):
            bullet().vhacd(whole, parts, log, resolution=100_000)
        if not Path(parts).exists():
            raise InputError(f"V-HACD found no convex parts ({kept.name})")
        Path(parts).replace(kept)


def _groups(path: Path) -> list[Array]:
    """Vertices of each object in an OBJ file."""
    found: list[list[list[float]]] = []
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == ["o"]:
            found.append([])
        elif words[:1] == ["v"] and found:
            found[-1].append([float(word) for word in words[1:4]])
    return [np.array(group) for group in found if len(group) >= 4]
