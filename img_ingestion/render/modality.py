"""Stored values -> modality values (PS3.3 C.11.1, C.7.6.16.2.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydicom.uid import XRayAngiographicImageStorage, XRayRadiofluoroscopicImageStorage

from img_ingestion.errors import NotRendered
from img_ingestion.render.functional_groups import described, numbers, text
from img_ingestion.render.lookup_table import LookupTable, encoding, first_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset


PROJECTED = frozenset(
    {
        XRayAngiographicImageStorage,
        XRayRadiofluoroscopicImageStorage,
        "1.2.840.10008.5.1.4.1.1.12.3",  # bi-plane, retired
    }
)


class Rescale(NamedTuple):
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
    if _back_to_intensity(dataset):
        return Rescale()
    table = first_table(item, "ModalityLUTSequence", encoding(dataset, signed=signed))
    if table:
        return table
    slope = (*numbers(item, "RescaleSlope"), 1.0)[0]
    intercept = (*numbers(item, "RescaleIntercept"), 0.0)[0]
    if slope == 0:
        raise NotRendered("RescaleSlope is 0")
    return Rescale(slope, intercept)


def _back_to_intensity(dataset: Dataset) -> bool:
    """
    Tell whether the modality LUT only leads back to X-ray intensity, for measuring.

    Of angiograms stored as LOG or DISP it is no part of what is shown (PS3.3 C.8.7.1.1.2).
    """
    return text(dataset, "SOPClassUID") in PROJECTED and text(
        dataset, "PixelIntensityRelationship"
    ) in ("LOG", "DISP")
