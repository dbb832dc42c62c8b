"""Networks by name, their shapes and their first weights."""

from __future__ import annotations

import pytest
import torch
from beartype import beartype
from jaxtyping import Float, UInt8, jaxtyped

from unbraid.errors import InputError, UnknownNameError
from unbraid.representation.networks import ImageShape, initialise, names, network, to_floats, to_images

SHAPES = [ImageShape(64, 64, 3), ImageShape(32, 48, 1), ImageShape(40, 40, 2), ImageShape(17, 80, 5)]


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes(name: str, shape: ImageShape) -> None:
    pair = network(name)
    stride = {"burgess": 16, "factor_vae": 16, "covariance_penalty": 4}.get(name, 1)
    if shape.height % stride or shape.width % stride:
        for make in (lambda: pair.encoder(shape, 5), lambda: pair.decoder(5, shape)):
            with pytest.raises(InputError, match=f"multiples of {stride}, and these are {shape.height}x{shape.width}"):
                make()
        return

    @jaxtyped(typechecker=beartype)
    def codes(x: Float[torch.Tensor, "B C H W"]) -> Float[torch.Tensor, "B 5"]:
        return pair.encoder(shape, 5)(x)  # type: ignore[no-any-return]

    @jaxtyped(typechecker=beartype)
    def logits(z: Float[torch.Tensor, "B 5"]) -> Float[torch.Tensor, "B C H W"]:
        return pair.decoder(5, shape)(z)  # type: ignore[no-any-return]

    x = torch.rand(2, shape.channels, shape.height, shape.width)
    assert logits(codes(x)).shape == x.shape


@pytest.mark.parametrize(
    ("name", "encoder", "decoder"),
    [("burgess", 252_052, 249_953), ("factor_vae", 249_172, 248_833), ("dense", 6_381_620, 7_814_896)],
)
def test_the_papers_networks_have_their_sizes(name: str, encoder: int, decoder: int) -> None:
    """Numbers of weights for 64x64x1 images and 10 latents, added up by hand from the papers' tables."""
    pair, shape = network(name), ImageShape(64, 64, 1)
    assert sum(part.numel() for part in pair.encoder(shape, 20).parameters()) == encoder
    assert sum(part.numel() for part in pair.decoder(10, shape).parameters()) == decoder


def test_the_network_of_penalised_correlation_has_half_a_million_weights() -> None:
    pair, shape = network("covariance_penalty"), ImageShape(32, 32, 3)
    parts = [*pair.encoder(shape, 168).parameters(), *pair.decoder(84, shape).parameters()]
    encoder = (3 * 16 * 32 + 32) + (32 * 16 * 64 + 64) + (4096 * 50 + 50) + (50 * 168 + 168)
    decoder = (84 * 50 + 50) + (50 * 4096 + 4096) + (64 * 16 * 32 + 32) + (32 * 16 * 3 + 3)
    assert sum(part.numel() for part in parts) == encoder + decoder == 495_303


def test_an_image_is_filled_up_with_zeros_at_the_right_and_bottom() -> None:
    small, large = (network("conv").encoder(ImageShape(side, side, 2), 3) for side in (40, 48))
    for encoder in (small, large):
        initialise(encoder, torch.Generator().manual_seed(0))
    x = torch.rand(2, 2, 40, 40)
    filled = torch.zeros(2, 2, 48, 48)
    filled[:, :, :40, :40] = x
    assert torch.equal(small(x), large(filled))


def test_pooled_codes_do_not_say_where_things_are() -> None:
    encoder = network("pooled").encoder(ImageShape(40, 40, 2), 3)
    x = torch.zeros(3, 2, 40, 40)
    x[0, :, 12:17, 12:17] = x[1, :, 20:25, 8:13] = torch.rand(2, 5, 5)
    here, there, nowhere = encoder(x)
    torch.testing.assert_close(here, there)
    assert (here - nowhere).abs().max() > 1e-3


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="unknown network 'cov'; did you mean conv"):
        network("cov")


def test_initial_weights_come_from_the_generator_alone_and_keep_the_scale() -> None:
    first, second = (network("conv").encoder(ImageShape(64, 64, 3), 64) for _ in range(2))
    for encoder in (first, second):
        initialise(encoder, torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    x = torch.randn(64, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert 0.3 < first(x).std() < 3


def test_images_and_floats_are_each_others_inverse() -> None:
    images = torch.arange(256, dtype=torch.uint8).view(1, 16, 16, 1)

    @jaxtyped(typechecker=beartype)
    def there_and_back(images: UInt8[torch.Tensor, "B H W C"]) -> UInt8[torch.Tensor, "B H W C"]:
        return to_images(to_floats(images))

    assert torch.equal(there_and_back(images), images)
    assert to_floats(images).max() == 1
