"""Weights at rest: numbers of half precision in one compressed file, in the network's order."""

from collections.abc import Iterator
from importlib.resources.abc import Traversable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from anonymizer.learned.network import Network


def _parameters(network: Network) -> Iterator[tuple[Network, str]]:
    for layer in network.walk():
        for name in layer.param_names:
            yield layer, name


def save(network: Network, path: Path, training: bytes) -> None:
    """Write the weights, with the digest of what they were trained on."""
    held: dict[str, Any] = {
        f"{at:03}": np.asarray(layer.get_param(name), np.float16)
        for at, (layer, name) in enumerate(_parameters(network))
    }
    np.savez_compressed(path, training=np.frombuffer(training, np.uint8), **held)


def load(network: Network, file: Traversable) -> Network:
    """Give a network that was just built its weights."""
    network.initialize()
    with np.load(BytesIO(file.read_bytes())) as held:
        for at, (layer, name) in enumerate(_parameters(network)):
            layer.set_param(name, held[f"{at:03}"].astype(np.float32))
    return network
