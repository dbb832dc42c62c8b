"""Figures of importances and of mutual information."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from unbraid.errors import InputError
from unbraid.experiments.hinton import LARGEST_SIDE, hinton, information_map

MATRIX = np.array([[1.0, 0.0], [0.25, 0.5], [0.0, 0.5]])
NAMES = ["x", "colour"]


def texts(figure: Figure) -> tuple[list[str], list[str]]:
    axes = figure.axes[0]
    return [label.get_text() for label in axes.get_xticklabels()], [
        label.get_text() for label in axes.get_yticklabels()
    ]


def test_areas_are_importances() -> None:
    figure = hinton(MATRIX, NAMES)
    boxes = [path.get_extents() for path in figure.axes[0].collections[0].get_paths()]
    areas = np.array([box.width * box.height for box in boxes]).reshape(2, 3)
    assert areas / LARGEST_SIDE**2 == pytest.approx(MATRIX.T)
    centres = np.array([[(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2] for box in boxes])
    assert centres.tolist() == [[column, row] for row in range(2) for column in range(3)]
    assert texts(figure) == (["1", "2", "3"], NAMES)


def test_no_importance_at_all_draws_nothing() -> None:
    boxes = [path.get_extents() for path in hinton(np.zeros((2, 2)), NAMES).axes[0].collections[0].get_paths()]
    assert {(box.width, box.height) for box in boxes} == {(0, 0)}


def test_information_is_written_into_the_cells() -> None:
    figure = information_map(MATRIX - 0.01, NAMES)
    cells = [text.get_text() for text in figure.axes[0].texts]
    assert cells == ["0.99", "0.24", "0.00", "0.00", "0.49", "0.49"]
    assert texts(figure) == (["1", "2", "3"], NAMES)


@pytest.mark.parametrize("draw", [hinton, information_map])
def test_figures_are_png_files_with_something_on_them(draw: Any, tmp_path: Path) -> None:
    draw(MATRIX, NAMES).savefig(tmp_path / "figure.png", dpi=50)
    image = np.asarray(Image.open(tmp_path / "figure.png").convert("RGB"))
    blue = image[..., 2].astype(int) - image[..., 0]
    assert 0.05 < (blue > 60).mean() < 0.6


@pytest.mark.parametrize(
    ("matrix", "text"),
    [(np.ones((3, 3)), r"\(latents, 2 factors\), not \(3, 3\)"), (np.ones(2), r"not \(2,\)"), (-np.ones((1, 2)), "negative number or NaN"),
     (np.full((1, 2), np.nan), "negative number or NaN")],
)  # fmt: skip
def test_bad_matrices_are_named(matrix: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        hinton(matrix, NAMES)
