"""Send what is cleaned and waiting to the backend: `python3 filetransfer.py --help`."""

import sys

from img_ingestion.cli import send

if __name__ == "__main__":
    sys.exit(send())
