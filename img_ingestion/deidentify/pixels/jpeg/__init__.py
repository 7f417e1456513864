"""
Regions of a JPEG picture made black without coding the picture again.

Whole units of blocks that a region touches are replaced in the coded data by black ones. Every
other coefficient stays, so that no pixel outside them loses anything a second time, and every
decoder gives there what it gave before.

::

    frames.py    every frame, and the proof
    blocks.py    regions -> units, and the units of a code stream made black
    stream.py    a code stream taken apart
    scan.py      its coded data walked through
    huffman.py   its tables
"""

from img_ingestion.deidentify.pixels.jpeg.frames import SYNTAXES, blanked

__all__ = ["SYNTAXES", "blanked"]
