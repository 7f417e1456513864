"""Whether an image's `data` is the PNG that its fields describe; Pillow is the judge."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAMPLES_AND_BITS = {
    "1": (1, 1),
    "L": (1, 8),
    "I;16B": (1, 16),
    "RGB": (3, 8),
    "RGB;16B": (3, 16),
}
"""What Pillow calls the coding of a PNG -> samples per pixel, bits of each."""


class NotAPicture(ValueError):
    """What is wrong with one image, without a value of it."""


def picture(image: Mapping[str, Any]) -> bytes:
    """
    Decode the `data` of one entry of `images`, and hold its fields against it.

    Raises
    ------
    NotAPicture
        The data are no PNG that can be decoded to its end, or another one than described.

    """
    try:
        png = b64decode(image["data"], validate=True)
        with Image.open(BytesIO(png), formats=["PNG"]) as opened:
            coding, (width, height) = str(opened.tile[0][3]), opened.size
            opened.load()
    except (ValueError, OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise NotAPicture("data: no PNG that can be decoded") from error
    samples, bits = _SAMPLES_AND_BITS.get(coding, (0, 0))
    found = {
        "width": width,
        "height": height,
        "samplesPerPixel": samples,
        "bitsAllocated": bits,
    }
    for word, value in found.items():
        if image[word] != value:
            raise NotAPicture(f"{word}: the PNG says otherwise")
    if image["bitsStored"] > bits or image["highBit"] != image["bitsStored"] - 1:
        raise NotAPicture("bitsStored, highBit: do not agree with bitsAllocated")
    return png
