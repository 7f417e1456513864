"""
Modality values -> what of them is of interest, from 0 to 1 (PS3.3 C.11.2).

The standard lets an application choose where a header has several. Here the first Window
Center/Width comes first, as in dcmtk's `+Wi 1`, dcm4che and cornerstone; then the first item
of the VOI LUT Sequence; then the full range of the values in the instance, one range for all
frames so that they can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from img_ingestion.errors import NotRendered
from img_ingestion.render.functional_groups import described, numbers, text
from img_ingestion.render.lookup_table import LookupTable, encoding, first_table

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset


class Window(NamedTuple):
    """Window Center (0028,1050), Window Width (0028,1051) and VOI LUT Function (0028,1056)."""

    center: float
    width: float
    function: str = "LINEAR"

    def applied(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give 0 to 1 (PS3.3 C.11.2.1.2, C.11.2.1.3)."""
        if self.function == "SIGMOID":
            # 1 / (1 + exp(-4 (x - c) / w)), which cannot overflow in this form.
            share: NDArray[np.float64] = np.tanh(2 * (values - self.center) / self.width)
            return share / 2 + 0.5
        if self.function == "LINEAR_EXACT":
            return Range.of(self.center - self.width / 2, self.width).applied(values)
        return Range.of(self.center - 0.5 - (self.width - 1) / 2, self.width - 1).applied(values)


class Range(NamedTuple):
    """A straight line from 0 at `low` to 1 at `high`."""

    low: float
    high: float

    @classmethod
    def of(cls, low: float, width: float) -> Range:
        """Make the range that starts at `low`."""
        return cls(low, low + width)

    def applied(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give 0 to 1; without width, a step just above `low`."""
        if self.high <= self.low:
            return (values > self.low).astype(np.float64)
        share: NDArray[np.float64] = (values - self.low) / (self.high - self.low)
        return np.clip(share, 0, 1)


@dataclass(frozen=True, slots=True, eq=False)
class VoiTable:
    """A VOI LUT, whose entries fill the range that their bits have."""

    table: LookupTable

    def applied(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give 0 to 1."""
        return np.clip(self.table.applied(values) / ((1 << self.table.bits) - 1), 0, 1)


def voi(
    dataset: Dataset, number: int, *, signed: bool, fractional: bool = False
) -> Window | VoiTable | None:
    """
    Give the VOI transformation of frame `number`, none where the header has no usable one.

    Parameters
    ----------
    dataset : Dataset
        Of the instance.
    number : int
        Frame number, from 1.
    signed : bool
        Modality values can be negative, so the first value that a VOI LUT maps can be too.
    fractional : bool
        Stored values are floating point numbers. LINEAR is then taken as LINEAR_EXACT: what
        sets them apart is half a step between integers, and parametric maps from 0 to 1 come
        with a window of width 1, which LINEAR would make a threshold.

    """
    item = described(dataset, number, "FrameVOILUTSequence")
    function = text(item, "VOILUTFunction") or "LINEAR"
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise NotRendered("VOILUTFunction is none of the standard's")
    if fractional and function == "LINEAR":
        function = "LINEAR_EXACT"
    smallest = 1.0 if function == "LINEAR" else np.nextafter(0, 1)
    for center, width in zip(
        numbers(item, "WindowCenter")[:1], numbers(item, "WindowWidth")[:1], strict=False
    ):
        # Devices that have no window to tell write 0/0.
        if width >= smallest:
            return Window(center, width, function)
    table = first_table(item, "VOILUTSequence", encoding(dataset, signed=signed))
    return VoiTable(table) if table else None
