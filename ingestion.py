"""Clean what customers sent and send it to the backend: `python3 ingestion.py --help`."""

import sys

from img_ingestion.interpreter import with_dependencies

if __name__ == "__main__":
    with_dependencies()

from typing import TYPE_CHECKING

from img_ingestion.cli import main

if TYPE_CHECKING:
    from img_ingestion.four_steps import file_encoding, image_dicomcleaner, poll_dcm_directory
    from img_ingestion.manual_scrub import img_manual_scrub

__all__ = ["file_encoding", "image_dicomcleaner", "img_manual_scrub", "poll_dcm_directory"]


def __getattr__(name: str) -> object:
    """Give a step when it is asked for: --help and an empty pass need none."""
    if name == "img_manual_scrub":
        from img_ingestion.manual_scrub import img_manual_scrub

        return img_manual_scrub
    if name in __all__:
        from img_ingestion import four_steps

        return getattr(four_steps, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if __name__ == "__main__":
    sys.exit(main())
