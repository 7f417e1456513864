"""Fast look-up, YBR -> RGB: the only place of the renderer that knows OpenCV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

# ITU-R BT.601 in sixteen fractional bits, rounded as libjpeg rounds: a JPEG's colours are
# those that every reader of it shows.
CHROMA = np.arange(-128, 128)
RED_OF_CR = ((round(1.402 * 2**16) * CHROMA + 2**15) >> 16).astype(np.int16)
BLUE_OF_CB = ((round(1.772 * 2**16) * CHROMA + 2**15) >> 16).astype(np.int16)
GREEN_OF_CR = -round(0.714136286 * 2**16) * CHROMA.astype(np.int32)
GREEN_OF_CB = -round(0.344136286 * 2**16) * CHROMA.astype(np.int32) + 2**15


def looked_up(cells: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """
    Replace each cell by its entry.

    Parameters
    ----------
    cells : ndarray
        uint8 or uint16, of any shape of two or three axes.
    table : ndarray
        (256,) or (65536,), one entry for each value that a cell can have.

    """
    return np.asarray(cv2.LUT(np.ascontiguousarray(cells), table)).reshape(cells.shape)


def rgb_of_ybr(ybr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the RGB of a YBR_FULL frame, (rows, columns, 3) (PS3.3 C.7.6.3.1.2)."""
    luminance, cb, cr = cv2.split(ybr)
    green = (looked_up(cb, GREEN_OF_CB) + looked_up(cr, GREEN_OF_CR)) >> 16
    differences = (looked_up(cr, RED_OF_CR), green.astype(np.int16), looked_up(cb, BLUE_OF_CB))
    channels = [cv2.add(luminance, difference, dtype=cv2.CV_8U) for difference in differences]
    return np.asarray(cv2.merge(channels), np.uint8)
