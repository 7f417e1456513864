"""
Frames of a clean instance -> PNG.

::

    pictures.py            the door: one Picture for each chosen frame
    display.py             what a viewer shows, in 8 bits
    stored.py              the stored values themselves, for machines
    greyscale.py           modality and VOI transformation -> grey levels
    modality.py  voi.py    the two, as the header has them (PS3.3 C.11.1, C.11.2)
    lookup_table.py        LUT Descriptor and LUT Data, palettes, segmented palettes
    functional_groups.py   where an attribute of a frame stands
    colour.py              palette and luminance/chrominance -> RGB
    opencv.py              fast look-up, YBR -> RGB; OpenCV stays here
    png_file.py            PNG; ISA-L stays here

Pixel Aspect Ratio (0028,0034) is not applied: a picture has the size of its frame, pixel for
pixel. Overlays are not burned in. Shutters and pixel padding are shown as the pixels are.
"""

from img_ingestion.render.pictures import pictures

__all__ = ["pictures"]
