"""PNG encoding, fast look-up, YBR -> RGB: the only place that knows OpenCV."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from img_ingestion.errors import NotRendered, turned_into

# Huffman only, one filter: a twentieth of the time of zlib's default search at 1.03 times
# its size on a radiograph. Nothing but IHDR, IDAT and IEND is written.
PARAMETERS = (
    cv2.IMWRITE_PNG_STRATEGY,
    cv2.IMWRITE_PNG_STRATEGY_HUFFMAN_ONLY,
    cv2.IMWRITE_PNG_FILTER,
    cv2.IMWRITE_PNG_FILTER_SUB,
)


# ITU-R BT.601 in sixteen fractional bits, rounded as libjpeg rounds: a JPEG's colours are
# those that every reader of it shows.
CHROMA = np.arange(-128, 128)
RED_OF_CR = ((round(1.402 * 2**16) * CHROMA + 2**15) >> 16).astype(np.int16)
BLUE_OF_CB = ((round(1.772 * 2**16) * CHROMA + 2**15) >> 16).astype(np.int16)
GREEN_OF_CR = -round(0.714136286 * 2**16) * CHROMA.astype(np.int32)
GREEN_OF_CB = -round(0.344136286 * 2**16) * CHROMA.astype(np.int32) + 2**15


Samples: TypeAlias = NDArray[np.unsignedinteger[Any]]
"""Of a picture: 8 or 16 bits."""


def png(samples: Samples) -> bytes:
    """
    Encode (rows, columns, 1) grey or (rows, columns, 3) RGB samples, always to the same bytes.

    Raises
    ------
    NotRendered
        OpenCV refused.

    """
    # OpenCV's third axis runs blue, green, red.
    picture = samples if samples.shape[2] == 1 else cv2.cvtColor(samples, cv2.COLOR_RGB2BGR)
    with turned_into(NotRendered, "encoding the PNG"):
        done, encoded = cv2.imencode(".png", picture, PARAMETERS)
        if not done:
            raise NotRendered("encoding the PNG failed")
        return bytes(encoded)


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
