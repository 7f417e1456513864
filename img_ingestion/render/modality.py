"""Stored values -> modality values (PS3.3 C.11.1, C.7.6.16.2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from img_ingestion.errors import NotRendered
from img_ingestion.render.functional_groups import described, items, numbers
from img_ingestion.render.lookup_table import LookupTable, encoding, lookup_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset


@dataclass(frozen=True, slots=True)
class Rescale:
    """Rescale Slope (0028,1053) and Rescale Intercept (0028,1052)."""

    slope: float = 1.0
    intercept: float = 0.0

    def applied(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give slope * value + intercept."""
        return values * self.slope + self.intercept


def modality(dataset: Dataset, number: int, *, signed: bool) -> Rescale | LookupTable:
    """
    Give the modality transformation of frame `number`, the identity where there is none.

    Raises
    ------
    NotRendered
        Rescale Slope is 0, so that every pixel would be the same.

    """
    item = described(dataset, number, "PixelValueTransformationSequence")
    for table in items(item, "ModalityLUTSequence")[:1]:
        return lookup_table(table, "LUT", encoding(dataset, signed=signed))
    slope = (*numbers(item, "RescaleSlope"), 1.0)[0]
    intercept = (*numbers(item, "RescaleIntercept"), 0.0)[0]
    if slope == 0:
        raise NotRendered("RescaleSlope is 0")
    return Rescale(slope, intercept)
