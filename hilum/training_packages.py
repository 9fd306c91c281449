"""The packages that training needs and serving does not: loaded quietly, or missed with a sentence."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def training_packages() -> Iterator[None]:
    """Load TensorFlow; what is imported inside may need its companions.

    Raises:
        Misconfigured: one of them is not installed; the text says how to install them all.
    """
    from models.networks.quiet import load_tensorflow

    try:
        load_tensorflow()
        yield
    except ImportError as error:
        raise Misconfigured(
            f"this needs TensorFlow and its companions ({error.name} is missing): pip install 'hilum[train]'"
        ) from error
