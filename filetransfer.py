"""Send what is cleaned and waiting to the backend: `python3 filetransfer.py --help`."""

import sys

from img_ingestion.interpreter import with_dependencies

if __name__ == "__main__":
    with_dependencies()

from img_ingestion.cli import send

if __name__ == "__main__":
    sys.exit(send())
