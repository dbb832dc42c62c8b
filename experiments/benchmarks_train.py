"""What the training loop costs beside a bare torch loop of the same network, and beside pythae."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import importlib.util
import io
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ..envs import make_factored
from ..errors import InputError
from ..representation import vae
from ..representation.data import FreshStates, Images, RandomWalk, StoredImages
from ..representation.networks import ImageShape, network, to_floats
from ..representation.training import FitOptions, fit

SHAPE, LATENTS, BATCH, NETWORK = ImageShape(64, 64, 1), 10, 64, "factor_vae"
WARM_UP, DRAWS = 5, 20
WORLDS = ("Sprites", "SpritesMulti", "DigitsGrid", "Planar", "Maze", "MazeMixture", "Objects")


def measure(steps: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """CPU seconds a step of `fit` and of pythae, each in turns with a bare loop, and of drawing images.

    One thread; a beta-VAE of 64x64x1 images, batch 64, four 4x4 convolutions of stride 2, 10 latents (the network
    ``factor_vae``), images in memory. Drawing a batch of a world's images, as a walk and fresh, and of a mapped file's,
    is held against that step, and against the bare one of the default network, ``conv``.

    Args:
        steps: Of each, after some to warm up.
        progress: Told what is being measured.

    Raises:
        InputError: pythae isn't installed.
    """
    if importlib.util.find_spec("pythae") is None:
        raise InputError("bench train needs pythae to stand beside: pip install 'unbraid[bench]'")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)  # pythae's
    try:
        images = _images(1024)
        found = {}
        for name, loop in {"unbraid": _fit, "pythae": _pythae}.items():
            progress(f"{name} and a bare loop, in turns")
            found[name] = _compare(*loop(images, steps))
        steps_of = {"conv": _bare_step("conv", images), NETWORK: found["unbraid"]["seconds_per_step"]}
        drawn = {}
        for source, seconds in _drawing(images):
            progress(f"drawing images, {source}")
            drawn[source] = {"seconds": seconds} | {f"over {name}": seconds / step for name, step in steps_of.items()}
    finally:
        torch.set_num_threads(threads)
        logging.disable(logging.NOTSET)
    machine = {"torch": torch.__version__, "pythae": importlib.metadata.version("pythae"), "threads": 1}
    return {**found, "conv_seconds_per_step": steps_of["conv"], "drawing": drawn, "machine": machine}


def _compare(loop: list[float], bare: list[float]) -> dict[str, float]:
    """A loop beside the bare one: totals, and the median of the steps' own ratios, less 1."""
    step = statistics.mean(loop)
    ratios = [one / other - 1 for one, other in zip(loop, bare, strict=True)]
    total = sum(loop) / sum(bare) - 1
    return {
        "seconds_per_step": step,
        "images_per_s": BATCH / step,
        "bare_seconds_per_step": statistics.mean(bare),
        "overhead": total,
        "median_overhead": statistics.median(ratios),
    }


def _images(n: int) -> Tensor:
    env = make_factored("unbraid/Sprites-v0", n)
    images: Tensor = env.reset(seed=0)[0]
    return images


class Bare:
    """The loop that one would write by hand.

    Args:
        seed: Of the weights.
        name: Of the network.
    """

    def __init__(self, seed: int, name: str = NETWORK) -> None:
        generator = torch.Generator().manual_seed(seed)
        model = vae.VAE(SHAPE, vae.Config(latents=LATENTS, network=name), generator)
        self.encoder, self.decoder = model.encoder, model.decoder
        self.adam = torch.optim.Adam([*self.encoder.parameters(), *self.decoder.parameters()], lr=1e-3, fused=True)

    def step(self, images: Tensor) -> None:
        """One step on uint8 images ``(B, H, W, C)``."""
        x = to_floats(images)
        mu, logvar = self.encoder(x).chunk(2, 1)
        logits = self.decoder(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
        reconstruction = binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x)
        kl = 0.5 * (mu**2 + logvar.exp() - logvar - 1).sum(1).mean()
        self.adam.zero_grad(set_to_none=True)
        (reconstruction + kl).backward()
        self.adam.step()


class Turns:
    """Takes a bare step whenever a loop is between two of its own, and times both.

    Args:
        images: uint8 ``(n, H, W, C)``.
    """

    def __init__(self, images: Tensor) -> None:
        self.data, self.bare = StoredImages(images.numpy(), BATCH, seed=0), Bare(seed=0)
        self.loop_seconds: list[float] = []
        self.bare_seconds: list[float] = []
        self.left_at: float | None = None

    def take(self) -> Images:
        """A bare step, on the batch that is returned; what passed since the last one was the loop's."""
        now = time.process_time()
        if self.left_at is not None:
            self.loop_seconds.append(now - self.left_at)
        batch = self.data.draw()
        start = time.process_time()
        self.bare.step(batch.image)
        self.left_at = time.process_time()
        self.bare_seconds.append(self.left_at - start)
        return batch

    def found(self) -> tuple[list[float], list[float]]:
        """Seconds of the loop's steps and of the bare ones that preceded them, some to warm up left out."""
        count = len(self.loop_seconds)
        return self.loop_seconds[WARM_UP:], self.bare_seconds[WARM_UP:count]


class DrawnInTurns:
    """Data for `fit` of which every draw takes a bare step.

    Args:
        turns: Times both.
    """

    def __init__(self, turns: Turns) -> None:
        self.draw = turns.take

    def state_dict(self) -> dict[str, Any]:
        """Nothing: no timing is resumed."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing."""


def _fit(images: Tensor, steps: int) -> tuple[list[float], list[float]]:
    """Of `fit`, with its logging, bar and checkpoints."""
    learner = vae.VAE(SHAPE, vae.Config(latents=LATENTS, network=NETWORK), torch.Generator().manual_seed(0))
    turns = Turns(images)
    with tempfile.TemporaryDirectory() as folder:
        fit(learner, DrawnInTurns(turns), FitOptions(steps + WARM_UP + 1, 1e-3, device="cpu"), Path(folder))
    return turns.found()


def _pythae(images: Tensor, steps: int) -> tuple[list[float], list[float]]:
    """Of pythae's own trainer, with a callback after each of its steps."""
    callbacks: Any = importlib.import_module("pythae.trainers.training_callbacks")
    trainers: Any = importlib.import_module("pythae.trainers")
    datasets: Any = importlib.import_module("pythae.data.datasets")
    turns = Turns(images)

    class BareStep(callbacks.TrainingCallback):  # type: ignore[misc]
        def on_train_step_end(self, training_config: Any, **others: Any) -> None:
            turns.take()

    rows = torch.arange((steps + WARM_UP + 1) * BATCH) % len(images)
    floats = images[rows].permute(0, 3, 1, 2).float() / 255
    with tempfile.TemporaryDirectory() as folder:
        options = trainers.BaseTrainerConfig(
            output_dir=folder, num_epochs=1, per_device_train_batch_size=BATCH, learning_rate=1e-3, no_cuda=True
        )
        data = datasets.BaseDataset(floats, torch.zeros(len(floats)))
        trainer = trainers.BaseTrainer(_pythae_model(), data, training_config=options, callbacks=[BareStep()])
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            trainer.train()
    return turns.found()


def _pythae_model() -> Any:
    models: Any = importlib.import_module("pythae.models")
    outputs: Any = importlib.import_module("pythae.models.base.base_utils")
    networks: Any = importlib.import_module("pythae.models.nn")
    pair = network(NETWORK)

    class Encoder(networks.BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = pair.encoder(SHAPE, 2 * LATENTS)

        def forward(self, x: Tensor) -> Any:
            mu, logvar = self.layers(x).chunk(2, 1)
            return outputs.ModelOutput(embedding=mu, log_covariance=logvar)

    class Decoder(networks.BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.layers = pair.decoder(LATENTS, SHAPE)

        def forward(self, z: Tensor) -> Any:
            return outputs.ModelOutput(reconstruction=self.layers(z).sigmoid())

    settings = models.BetaVAEConfig(input_dim=(1, 64, 64), latent_dim=LATENTS, reconstruction_loss="bce", beta=1.0)
    return models.BetaVAE(settings, Encoder(), Decoder())


def _bare_step(name: str, images: Tensor) -> float:
    """CPU seconds of a bare step of a network."""
    data, bare = StoredImages(images.numpy(), BATCH, seed=0), Bare(0, name)
    return _seconds(lambda: bare.step(data.draw().image))


def _drawing(images: Tensor) -> Iterator[tuple[str, float]]:
    """CPU seconds to draw a batch: rendered by a world, or read from a mapped file."""
    import numpy as np

    for world in WORLDS:
        for kind in (RandomWalk, FreshStates):
            data = kind(make_factored(f"unbraid/{world}-v0", BATCH), 0)
            yield f"{world}, {'walk' if kind is RandomWalk else 'fresh'}", _seconds(data.draw)
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "images.npy", images.numpy())
        yield "mapped file", _seconds(StoredImages(Path(folder) / "images.npy", BATCH, 0).draw)


def _seconds(do: Callable[[], Any]) -> float:
    """CPU seconds of one of several in a row, one to warm up left out."""
    do()
    start = time.process_time()
    for _ in range(DRAWS):
        do()
    return (time.process_time() - start) / DRAWS
