"""What can be said on the command line."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path

from img_ingestion import __version__

STATUSES = """\
exit status:
  0    done, also when there was nothing to do
  1    something unforeseen; please report what it printed
  2    wrong usage, settings or recipe; nothing was opened
  3    done, and something of this pass is held; see quarantine/
  4    the disk is full, read-only or broken; no further file was taken
  5    the backend is unavailable; what is cleaned waits for the next pass
  6    another run is at work in this home
  130, 143   ended by Ctrl-C or SIGTERM, after the file in hand
"""

INGESTION = """\
Clean what customers sent, and send it to the backend.

One pass: every file that has arrived in local_dcm/CUSTOMER/ is de-identified, written to
local_dcm_dicomcleaner/ as DICOM and PNG and to encoded_images/ as base64, and sent. What
cannot be cleaned for certain is held in quarantine/ with its reason.
"""

INGESTION_MORE = """\
identify:
  ingestion.py identify PSEUDONYM         what a pseudonym of the backend's answer stands for
  ingestion.py identify --export FILE     every original and its pseudonym, as CSV
  (for a file that is named identify, say ./identify)

settings:
  gateway.toml in the home; gateway.example.toml explains every key.

"""

TRANSFER = "Send what is cleaned and waiting to the backend. No customer's file is opened."

IDENTIFY = "Say what a pseudonym stands for. What this prints identifies patients."


def _common() -> ArgumentParser:
    """Give what every command takes."""
    common = ArgumentParser(add_help=False)
    common.add_argument(
        "--home",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the folder that holds local_dcm/ and everything else (default: this folder)",
    )
    common.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="the settings file (default: gateway.toml in the home)",
    )
    return common


def _parser(program: str, description: str, epilog: str = "") -> ArgumentParser:
    """Give a command's parser, with what every command takes."""
    parser = ArgumentParser(
        prog=program,
        description=description,
        epilog=epilog,
        # One width for all: README shows what --help says.
        formatter_class=partial(RawDescriptionHelpFormatter, width=96),
        parents=[_common()],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"img_ingestion {__version__}", help="print it"
    )
    return parser


def ingestion() -> ArgumentParser:
    """Give the parser of `ingestion.py`."""
    parser = _parser("ingestion.py", INGESTION, INGESTION_MORE + STATUSES)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="only these files")
    passes = parser.add_mutually_exclusive_group()
    passes.add_argument(
        "--watch",
        type=_seconds,
        metavar="SECONDS",
        help="go on: a pass, a pause of SECONDS, a pass ...",
    )
    passes.add_argument(
        "--dry-run", action="store_true", help="say what would be done; change no byte"
    )
    return parser


def transfer() -> ArgumentParser:
    """Give the parser of `filetransfer.py`."""
    return _parser("filetransfer.py", TRANSFER, STATUSES)


def identify() -> ArgumentParser:
    """Give the parser of `ingestion.py identify`."""
    parser = _parser("ingestion.py identify", IDENTIFY)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("pseudonym", nargs="?", metavar="PSEUDONYM", help="a UID or a code")
    what.add_argument(
        "--export", type=Path, metavar="FILE", help="write a CSV: kind, original, pseudonym"
    )
    return parser


def command(arguments: list[str]) -> tuple[str, list[str]]:
    """Tell a command from the files: `identify` as the first word that is no option."""
    parser = ArgumentParser(add_help=False, parents=[_common()], allow_abbrev=False)
    parser.add_argument("rest", nargs="*", help=SUPPRESS)
    known, _ = parser.parse_known_args(arguments)
    if known.rest[:1] != ["identify"]:
        return "", arguments
    found = arguments.index("identify")
    return "identify", arguments[:found] + arguments[found + 1 :]


def _seconds(text: str) -> float:
    """Read a pause: a number of seconds, not negative."""
    seconds = float(text)
    if not 0 <= seconds <= 86400:  # noqa: PLR2004 (a day)
        raise ValueError(text)
    return seconds
