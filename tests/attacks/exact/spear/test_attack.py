"""The figures that the search was built for, on real images, and the argument that is its own."""

import pytest
import torch

from bench.attacks.exact.spear.attack import Spear
from bench.engine.settings import EngineSettings


def test_a_certificate_out_of_range_is_refused() -> None:
    engine = EngineSettings(chunk=1, threads=1, compile=False, precision="float64")
    with pytest.raises(ValueError, match=r"certificate=0.0: must be in \(0, 1\]"):
        Spear(9, 9, 9, 9, 0.0, None, 0.999, engine=engine)


def of_cifar(parties, shared_data, batch: int, raw: bool, *overrides: str):
    built = parties(
        "data=folder", f"data.root={shared_data / 'cifar10'}", f"data.batch_size={batch}", "model=mlp_wide",
        "model.width=2000", "attack=spear", *(["model.mean=null", "model.std=null"] if raw else []), *overrides,
    )  # fmt: skip
    return built, built.data.deal([0])


@pytest.mark.slow
@pytest.mark.parametrize(("batch", "raw"), [(64, False), (64, True), (128, False)])
def test_large_batches_come_back_from_float32(parties, shared_data, batch, raw) -> None:
    """Every image with an MSE far below 1e-4, from one honest gradient of a layer of 2,000 units."""
    built, victims = of_cifar(parties, shared_data, batch, raw)
    (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
    assert built.scorer(claim, victims).values["mse"].max() < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("raw", [False, True], ids=["normalised", "raw"])
def test_large_batches_come_back_from_float64_to_its_own_precision(parties, shared_data, raw) -> None:
    """The client computes in float64 too, so the images are right to 1e-12 or so."""
    built, victims = of_cifar(parties, shared_data, 64, raw, "engine.dtype=float64")
    (claim,) = built.attack.reconstruct(built.client.share(victims), 0)
    images, found = victims.inputs[0].double().flatten(1), claim.inputs[0].flatten(1)
    errors = torch.cdist(images, found, compute_mode="donot_use_mm_for_euclid_dist").amin(1) / 3072**0.5
    assert errors.max() < 1e-12
