"""Pictures of solids: shaded triangles, seen from above at an angle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from ..envs.grasp import Instance
from ..envs.grasp.scene import Thing
from ..envs.grasp.solids import Array, Solid

LIGHT = np.array([0.4, -0.5, 0.8])
COLOURS = {
    "bottle": "#4c78a8", "bowl": "#f58518", "cup": "#54a24b", "plate": "#b279a2", "mug": "#e45756",
    "sugarbowl": "#72b7b2", "teapot": "#9d755d",
}  # fmt: skip
OTHER = "#8a8f98"


def sheet(shown: Sequence[Thing], across: int = 15) -> Figure:
    """All objects at one scale, a row of at most ``across`` of a category at a time; novel ones are framed."""
    rows: list[list[Thing]] = []
    for one in shown:
        if not rows or _category(rows[-1][0]) != _category(one) or len(rows[-1]) == across:
            rows.append([])
        rows[-1].append(one)
    across = max(len(row) for row in rows)
    figure = Figure(figsize=(across * 0.9, len(rows) * 1.05 + 0.1), layout="constrained")
    panels = figure.subplots(len(rows), across, squeeze=False)
    for panel_row, row in zip(panels, rows, strict=True):
        for panel in panel_row:
            panel.set_axis_off()
        for panel, one in zip(panel_row, row, strict=False):
            novel = isinstance(one, Instance) and one.novel
            draw(panel, one.solid, COLOURS.get(_category(one), OTHER))
            panel.set_title(one.name, fontsize=6, pad=1, color="black" if novel else "0.45")
            if novel:
                panel.set_axis_on()
                panel.set_xticks([])
                panel.set_yticks([])
    return figure


def _category(one: Thing) -> str:
    return getattr(one, "category", "")


def draw(
    panel: Any, solid: Solid, colour: str, azimuth: float = 0.6, elevation: float = 0.5, reach: float = 0.13
) -> None:
    """A solid in axes of matplotlib, whose middle is the solid's and which show ``reach`` m either way.

    Args:
        panel: The axes.
        solid: What is drawn.
        colour: Of its surface, in full light.
        azimuth: Where it is seen from, rad round the z axis from -y.
        elevation: The same, rad above level.
        reach: Half of what is seen, m.
    """
    from matplotlib.colors import to_rgb

    turned = (solid.vertices - solid.bounds.mean(0)) @ view(azimuth, elevation).T
    corners = turned[solid.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True).clip(1e-12)
    order = np.argsort(corners[:, :, 1].mean(1))[::-1]  # from far to near
    order = order[normal[order, 1] < 0]  # what faces the eye, which looks along +y
    light = LIGHT @ view(0.0, elevation).T
    shade = 0.45 + 0.55 * (normal @ (light / np.linalg.norm(light))).clip(0)
    colours = shade[order, None] * np.array(to_rgb(colour))
    panel.add_collection(
        PolyCollection(list(corners[order][:, :, [0, 2]]), facecolors=colours, edgecolors=colours, linewidths=0.2)
    )
    panel.set_xlim(-reach, reach)
    panel.set_ylim(-reach, reach)
    panel.set_aspect("equal")


def view(azimuth: float, elevation: float) -> Array:
    """Rotation ``(3, 3)`` after which the eye looks along +y, x is to the right and z up."""
    (ca, sa), (ce, se) = ((np.cos(angle), np.sin(angle)) for angle in (azimuth, elevation))
    around = np.array([[ca, sa, 0], [-sa, ca, 0], [0, 0, 1]])
    over = np.array([[1, 0, 0], [0, ce, -se], [0, se, ce]])
    both: Array = over @ around
    return both
