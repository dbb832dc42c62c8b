"""A chart of places: coordinates in which straight distances are ways that the system itself would go."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from torch import Tensor, nn

NODES = 3000
"""Places between which ways are measured."""
NEIGHBOURS = 100
"""Places around one that tell how it moves there."""
NEAR = 60
"""Places among which the nearest are looked for, by how the system moves."""
LINKS = 10
"""Ways from a node on to others."""
ROUND = 0.02
"""Share of the mean variance that speeds vary by in any direction."""


class Chart(nn.Module):
    """A smooth map from places ``(B, P)`` to coordinates ``(B, M)``.

    Args:
        places: P.
        coordinates: M.
        hidden: Units of its two layers.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, places: int, coordinates: int, hidden: int) -> None:
        super().__init__()
        sizes = (places, hidden, hidden, coordinates)
        first, second, last = (nn.Linear(*pair) for pair in pairwise(sizes))
        self.net = nn.Sequential(first, nn.SiLU(), second, nn.SiLU(), last)
        self.register_buffer("mean", torch.zeros(places))
        self.register_buffer("deviation", torch.ones(places))

    def forward(self, place: Tensor) -> Tensor:
        """Coordinates ``(B, M)``."""
        found: Tensor = self.net((place - self.mean) / self.deviation)
        return found

    def moving(self, z: Tensor) -> Tensor:
        """Codes of two frames ``(B, 2 P)``, place and change, in its coordinates: ``(B, 2 M)``."""
        place, change = z.chunk(2, 1)
        now = self(place)
        return torch.cat([now, now - self(place - change)], 1)


def geodesics(z: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Some of the places of codes of two frames, and the lengths of the ways between them, over places in between.

    A length is counted in what the system moves in a period around there, in any direction: whatever a code makes of an
    angle, a turn by so much is as far everywhere (Isomap, Tenenbaum et al. 2000, with that for its metric).

    Args:
        z: ``(n, 2 P)``.
        generator: Draws the places.

    Returns:
        ``(m, P)``, and ``(m, m)`` of mean 1; what no way leads to is as far as what is farthest.
    """
    place, change = z.chunk(2, 1)
    nodes = place[torch.randperm(len(place), generator=generator)[:NODES].to(place.device)]
    moved = change[_nearest(nodes, place, NEIGHBOURS)]
    spread = moved.mT @ moved / moved.shape[1]
    size = spread.diagonal(dim1=1, dim2=2).mean(1)[:, None, None]
    metric = torch.linalg.inv(spread + ROUND * size * torch.eye(place.shape[1]).to(z))
    near = _nearest(nodes, nodes, NEAR + 1)[:, 1:]
    way = nodes[near] - nodes[:, None]
    short = ((way @ metric) * way).sum(2).clamp_min(0).sqrt().topk(min(LINKS, near.shape[1]), largest=False)
    starts = np.repeat(np.arange(len(nodes)), short.values.shape[1])
    ends = near.gather(1, short.indices).flatten().cpu().numpy()
    graph = csr_matrix((short.values.flatten().cpu().numpy(), (starts, ends)), shape=(len(nodes),) * 2)
    lengths = torch.as_tensor(dijkstra(graph.maximum(graph.T), directed=False)).to(z)
    reached = lengths[lengths.isfinite()]
    return nodes, lengths.clamp_max(reached.max()) / reached.mean()


def _nearest(ones: Tensor, others: Tensor, count: int) -> Tensor:
    """Which of others ``(n, P)`` are nearest to each of ``(m, P)``: ``(m, count)``, or fewer where there are."""
    return torch.cdist(ones, others).topk(min(count, len(others)), largest=False).indices
