"""
The rest of a line of which a part was found: print has one stored value, anatomy has many.

No network is asked. Where nothing tells ink from ground, and where JPEG has made many values of
one, a line ends where the detector says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from img_ingestion.deidentify.pixels.rules import Box
    from img_ingestion.instance import Region

INK, STRAY = 0.03, 0.25
"""
Share of a box that one value takes as ink at least; of that share, what may lie around the line.
"""
GAP, FEWEST = 1.0, 4
"""Heights of the box, rim and all, without ink that end a line; pixels of a letter's ink."""
EVEN = 1
"""Pixels by which the ink of a straight border differs from column to column."""
RIM = 4
"""Pixels that a line may lie from the end of its box."""


@dataclass(frozen=True, slots=True)
class _Band:
    """Where one value stands: in the columns of a line, and above and below it."""

    inside: NDArray[np.int64]
    around: NDArray[np.int64]

    def share(self, columns: slice) -> tuple[int, int]:
        return int(self.inside[columns].sum()), int(self.around[columns].sum())


def whole_lines(
    regions: Iterable[Region],
    plane: NDArray[np.float32],
    part: Box,
    stays: Sequence[Region] = (),
) -> Iterator[Region]:
    """
    Give each region as long as the ink goes on before and after it.

    Parameters
    ----------
    regions : iterable of Region
        Of this look, in pixels of the picture.
    plane : ndarray
        (rows, columns), the values of the part.
    part : Box
        Where that lies in the picture.
    stays : sequence of Region
        Lines of their own, where none of these goes on.

    """
    for region in regions:
        wide, high = region.right - region.left, region.bottom - region.top
        if wide >= high:
            across = (region.top - part.top, region.bottom - part.top)
            ends = (region.left - part.left, region.right - part.left)
            left, right = _ends(plane, across, ends)
            longer = region._replace(left=left + part.left, right=right + part.left)
        else:
            across = (region.left - part.left, region.right - part.left)
            ends = (region.top - part.top, region.bottom - part.top)
            top, bottom = _ends(plane.T, across, ends)
            longer = region._replace(top=top + part.top, bottom=bottom + part.top)
        yield _short_of(longer, region, stays)


def _short_of(longer: Region, region: Region, stays: Iterable[Region]) -> Region:
    """Give a region that became longer, but not longer than to the lines that stay."""
    left, top, right, bottom = longer.left, longer.top, longer.right, longer.bottom
    for stay in stays:
        if stay.left >= right or left >= stay.right or stay.top >= bottom or top >= stay.bottom:
            continue
        right = max(region.right, min(right, stay.left)) if stay.left >= region.left else right
        left = min(region.left, max(left, stay.right)) if stay.right <= region.right else left
        bottom = max(region.bottom, min(bottom, stay.top)) if stay.top >= region.top else bottom
        top = min(region.top, max(top, stay.bottom)) if stay.bottom <= region.bottom else top
    return longer._replace(left=left, top=top, right=right, bottom=bottom)


def _ends(
    plane: NDArray[np.float32], rows: tuple[int, int], columns: tuple[int, int]
) -> tuple[int, int]:
    """Say from where to where a line goes on that runs along these rows."""
    band = _band(plane, rows, columns)
    left, right = columns
    if band is None:
        return columns
    high = rows[1] - rows[0]
    right = _end(band, right, high)
    mirrored = _Band(band.inside[::-1], band.around[::-1])
    return plane.shape[1] - _end(mirrored, plane.shape[1] - left, high), right


def _band(
    plane: NDArray[np.float32], rows: tuple[int, int], columns: tuple[int, int]
) -> _Band | None:
    """Find the value of the ink; None when none stands out of what is around the box."""
    top, bottom = rows
    near = (bottom - top) // 2
    inside = plane[top:bottom]
    around = np.concatenate([plane[max(top - near, 0) : top], plane[bottom : bottom + near]])
    part = slice(*columns)
    values, counts = np.unique(inside[:, part], return_counts=True)
    most = np.argsort(counts)[::-1][:3]
    for value, count in zip(values[most].tolist(), counts[most].tolist(), strict=True):
        stray = int((around[:, part] == value).sum())
        if count >= INK * inside[:, part].size and stray <= STRAY * count:
            return _Band((inside == value).sum(axis=0), (around == value).sum(axis=0))
    return None


def _end(band: _Band, end: int, high: int) -> int:
    """Walk to the right from letter to letter, as far as there are any; a border has no letters."""
    last = end
    while True:
        ahead = slice(last, last + round(GAP * high))
        ink, stray = band.share(ahead)
        if ink < FEWEST or stray > STRAY * ink or np.ptp(band.inside[ahead]) <= EVEN:
            return min(last + RIM, band.inside.size) if last > end else end
        last += int(np.flatnonzero(band.inside[ahead])[-1]) + 1
