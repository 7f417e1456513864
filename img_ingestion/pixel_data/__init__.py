"""
What the stored pixel values of an instance are, whatever the transfer syntax.

::

    frames.py          the two doors: pixel_format and frames
    format.py          what the header says, and whether it says enough
    native.py          bytes -> cells (PS3.5 section 8.1)
    encapsulated.py    fragments -> codestreams, one a frame (PS3.5 annex A.4)
    codestream.py      what a codestream says of itself, before it is decoded
    codecs.py          codestream -> cells; imagecodecs stays here
"""

from img_ingestion.pixel_data.format import PixelFormat
from img_ingestion.pixel_data.frames import frames, pixel_format

__all__ = ["PixelFormat", "frames", "pixel_format"]
