"""Clean what customers sent and send it to the backend: `python3 ingestion.py --help`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from img_ingestion.interpreter import with_dependencies

if __name__ == "__main__":
    with_dependencies()

from img_ingestion.cli import main
from img_ingestion.four_steps import file_encoding, image_dicomcleaner, poll_dcm_directory

if TYPE_CHECKING:
    from img_ingestion.manual_scrub import img_manual_scrub

__all__ = ["file_encoding", "image_dicomcleaner", "img_manual_scrub", "poll_dcm_directory"]


def __getattr__(name: str) -> object:
    """Give `img_manual_scrub` when it is asked for: --help and an empty pass load no pydicom."""
    if name == "img_manual_scrub":
        from img_ingestion.manual_scrub import img_manual_scrub

        return img_manual_scrub
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    sys.exit(main())
