"""What an agent expects of its actions at any code: whether they do anything there, and how far they go."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ...representation.networks import ImageShape, mlp

MOVED = 0.5
"""Code changes are 0 or 1 long, once trained; longer ones than this are moves."""
PATCH, CHANNELS = 8, 32
SHARPNESS = 8.0
"""So that neighbouring places, 1 apart in the code, soon ask different patches."""


class Foresight(nn.Module):
    """A latent model ``T(h, a) = h + p(a does anything | h, picture) * e(h, a)``, for search among codes.

    The picture is of the same episode, seen from elsewhere, so that p is known where the agent has not been: a
    convolution says of every patch of the picture what can be done there, and the code says which patch to ask.

    Args:
        shape: Of the images.
        latents: K.
        actions: A.
    """

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
        self.place = nn.Linear(latents, (shape.height // PATCH) * (shape.width // PATCH))
        self.way = mlp(latents, latents * actions)

    def look(self, x: Tensor) -> Tensor:
        """What each patch of pictures ``(B, C, H, W)`` lets one do, as logits: ``(B, patches, A)``."""
        seen: Tensor = self.picture(x)
        return seen.flatten(2).transpose(1, 2)

    def lets(self, seen: Tensor, codes: Tensor) -> Tensor:
        """Logit of every action doing anything: ``(B, ..., A)`` at codes ``(B, ..., K)``, from `look`'s result."""
        where: Tensor = (SHARPNESS * self.place(codes)).softmax(-1)
        return torch.einsum("b...p,bpa->b...a", where, seen)

    def moves(self, codes: Tensor) -> Tensor:
        """How far each action goes where it does anything: ``(..., A, K)`` at codes ``(..., K)``."""
        return self.way(codes).unflatten(-1, (self.actions, -1))  # type: ignore[no-any-return]

    def forward(self, x: Tensor, before: Tensor, action: Tensor, change: Tensor) -> dict[str, Tensor]:
        """Losses of transitions; they shape neither codes nor encoder.

        Args:
            x: A picture of each one's episode, ``(B, C, H, W)``.
            before: h, ``(B, K)``.
            action: int64 ``(B,)``.
            change: ``h' - h``, ``(B, K)``.

        Returns:
            ``lets``: cross-entropy of whether anything was done, nats; ``moves``: squared error of how far, of those
            that went somewhere.
        """
        before, change = before.detach(), change.detach()
        each = torch.arange(len(action), device=action.device)
        moved = (change.norm(dim=1) > MOVED).to(change.dtype)
        logits = self.lets(self.look(x), before)[each, action]
        missed = (self.moves(before)[each, action] - change).square().sum(1)
        far = (moved * missed).sum() / moved.sum().clamp_min(1)
        return {"lets": binary_cross_entropy_with_logits(logits, moved), "moves": far}
