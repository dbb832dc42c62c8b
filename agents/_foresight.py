"""What an agent expects of its actions at any code: whether they do anything there, and how far they go."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ..representation.networks import ImageShape, mlp

MOVED = 0.5
"""Code changes are 0 or 1 long, once trained; longer ones than this are moves."""
PATCH, CHANNELS, GUESSES = 8, 32, 8
SHARPNESS = 4.0
"""How fast a patch is less asked with the squared distance of its code, which is 1 between neighbours."""
BEGIN = 0.2
"""Share of a training's steps before which nothing is foreseen: learnt from codes that are still to take shape, a
guess at where the agent stands settles on one patch, whatever the picture, and never leaves it."""


class Look(NamedTuple):
    """What a picture says of its episode."""

    lets: Tensor
    """Logits of every action doing anything in each patch, ``(B, P, A)``."""
    offset: Tensor
    """What is to be added to codes of the episode to compare them with the patches' own, ``(B, K)``: of the best guess
    at where the agent stands."""
    missed: Tensor
    """Squared distance of the picture's code from that of its agent's place, of each guess, ``(B, M)``."""


class Foresight(nn.Module):
    """A latent model ``T(h, a) = h + p(a does anything | h, picture) * e(h, a)``, for search among codes.

    The picture is of the same episode, seen from elsewhere, so that p is known where the agent has not been: a
    convolution says of every patch of the picture what can be done there, and the code says which patch to ask: the
    one whose code is nearest. Patches' codes are linear in their places. Codes of one episode may all be off by what
    else is in the picture; where the agent stands in it, which a second convolution says, tells by how much. That
    convolution may settle on the wrong thing, so there are several guesses (M), and the best one counts.

    So it foresees what holds up one thing that moves in the picture; of several it knows their moves alone.

    Args:
        shape: Of the images.
        latents: K.
        actions: A.
    """

    places: Tensor

    def __init__(self, shape: ImageShape, latents: int, actions: int) -> None:
        super().__init__()
        self.actions = actions
        self.picture = nn.Sequential(
            nn.Conv2d(shape.channels, CHANNELS, PATCH, stride=PATCH),
            nn.LeakyReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(CHANNELS, actions, 1),
        )
        self.agent = nn.Sequential(
            nn.Conv2d(shape.channels, CHANNELS, PATCH, stride=PATCH), nn.LeakyReLU(), nn.Conv2d(CHANNELS, GUESSES, 1)
        )
        rows, columns = (torch.arange(float(side // PATCH)) for side in (shape.height, shape.width))
        places = torch.cartesian_prod(rows - rows.mean(), columns - columns.mean())
        self.register_buffer("places", places, persistent=False)
        self.code_of_row_and_column = nn.Parameter(torch.zeros(GUESSES, 2, latents))
        self.code_of_middle = nn.Parameter(torch.zeros(GUESSES, 1, latents))
        self.trust = nn.Parameter(torch.zeros(GUESSES))
        self.way = mlp(latents, latents * actions)

    def look(self, x: Tensor, code: Tensor) -> Look:
        """What pictures ``(B, C, H, W)`` say, whose codes are ``(B, K)``."""
        seen: Tensor = self.picture(x)
        places = self.agent(x).flatten(2).softmax(2) @ self.places
        offsets = self.codes_of(places.transpose(0, 1)) - code
        offset = offsets[self.trust.argmax()]
        return Look(seen.flatten(2).transpose(1, 2), offset, offsets.square().sum(2).T)

    def codes_of(self, places: Tensor) -> Tensor:
        """Codes of places in the picture, as each guess has it: ``(M, ..., K)`` of ``(M or 1, ..., 2)``, in patches."""
        return places @ self.code_of_row_and_column + self.code_of_middle

    def lets(self, seen: Look, codes: Tensor) -> Tensor:
        """Logit of every action doing anything: ``(B, ..., A)`` at codes ``(B, ..., K)``, from `look`'s result."""
        queries = codes.flatten(1, -2) if codes.ndim > 2 else codes[:, None]
        patches = self.codes_of(self.places[None])[self.trust.argmax()]
        # The squared distance, less what all patches have in common: it overflows where a code is far from all.
        near = 2 * (queries + seen.offset[:, None]) @ patches.T - patches.square().sum(1)
        where = (SHARPNESS * near).softmax(2)
        return torch.matmul(where, seen.lets).view(*codes.shape[:-1], self.actions)

    def moves(self, codes: Tensor) -> Tensor:
        """How far each action goes where it does anything: ``(..., A, K)`` at codes ``(..., K)``."""
        return self.way(codes).unflatten(-1, (self.actions, -1))  # type: ignore[no-any-return]

    def forward(self, x: Tensor, code: Tensor, before: Tensor, action: Tensor, change: Tensor) -> dict[str, Tensor]:
        """Losses of transitions; they shape neither codes nor encoder.

        Args:
            x: A picture of each one's episode, ``(B, C, H, W)``.
            code: Its code, ``(B, K)``.
            before: h, ``(B, K)``.
            action: int64 ``(B,)``.
            change: ``h' - h``, ``(B, K)``.

        Returns:
            ``lets``: cross-entropy of whether anything was done, nats; ``moves``: squared error of how far, of those
            that went somewhere; ``place``: squared distance of the picture's code from that of its agent's place, mean
            over the guesses, all of which go on learning, and by the trust in them, which only follows.
        """
        before, change = before.detach(), change.detach()
        each = torch.arange(len(action), device=action.device)
        moved = (change.norm(dim=1) > MOVED).to(change.dtype)
        seen = self.look(x, code.detach())
        logits = self.lets(seen, before)[each, action]
        missed = (self.moves(before)[each, action] - change).square().sum(1)
        return {
            "lets": binary_cross_entropy_with_logits(logits, moved),
            "moves": (moved * missed).sum() / moved.sum().clamp_min(1),
            "place": seen.missed.mean() + (seen.missed.detach().mean(0) * self.trust.softmax(0)).sum(),
        }
