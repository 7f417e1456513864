"""What can be said on the command line."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, RawDescriptionHelpFormatter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion import __version__
from img_ingestion.commands import COMMANDS, run, send

if TYPE_CHECKING:
    from img_ingestion.commands import Command

STATUSES = """\
exit status:
  0    done, also when there was nothing to do
  1    something unforeseen; please report what it printed
  2    wrong usage, settings or recipe; nothing was opened
  3    done, and something of this pass is held; see `held list`
  4    the disk is full, read-only or broken; no further file was taken
  5    the backend is unavailable; what is cleaned waits for the next pass
  6    another run is at work in this home
  130, 143   ended by Ctrl-C or SIGTERM, after the file in hand
"""

SETTINGS = """\
settings:
  gateway.toml in the home; gateway.example.toml explains every key.

"""


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


class _Listing(ArgumentParser):
    """Lists the commands below its help, and imports them only then."""

    def format_help(self) -> str:
        """Give the help with the list."""
        self.epilog = _listed() + SETTINGS + STATUSES
        return super().format_help()


def _parser(
    program: str, command: Command, epilog: str = "", kind: type[ArgumentParser] = ArgumentParser
) -> ArgumentParser:
    """Give a command's parser, with what every command takes."""
    parser = kind(
        prog=program,
        description=command.DESCRIPTION,
        epilog=epilog,
        # One width for all: README shows what --help says.
        formatter_class=partial(RawDescriptionHelpFormatter, width=96),
        parents=[_common()],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"img_ingestion {__version__}",
        help="print the version",
    )
    if command.REPORTS:
        parser.add_argument("--json", action="store_true", help="print JSON, an object a line")
    command.arguments(parser)
    return parser


def ingestion(name: str = "") -> ArgumentParser:
    """Give the parser of `ingestion.py`, or of one of its commands."""
    if name:
        epilog = STATUSES if name in {run.NAME, send.NAME} else ""
        return _parser(f"ingestion.py {name}", COMMANDS[name], epilog)
    return _parser("ingestion.py", run, kind=_Listing)


def transfer() -> ArgumentParser:
    """Give the parser of `filetransfer.py`."""
    return _parser("filetransfer.py", send, STATUSES)


def command(arguments: list[str]) -> tuple[str, list[str]]:
    """Tell a command from the files: its name as the first word that is no option."""
    parser = ArgumentParser(add_help=False, parents=[_common()], allow_abbrev=False)
    parser.add_argument("rest", nargs="*", help=SUPPRESS)
    known, _ = parser.parse_known_args(arguments)
    name = known.rest[0] if known.rest else ""
    if name not in COMMANDS:
        return "", arguments
    found = arguments.index(name)
    return name, arguments[:found] + arguments[found + 1 :]


def _listed() -> str:
    """List the commands."""
    width = max(map(len, COMMANDS)) + 2
    rows = [f"  {name:<{width}}{one.HELP}" for name, one in COMMANDS.items()]
    return "\n".join(
        [
            "commands (ingestion.py COMMAND --help):",
            *rows,
            "  (for a file that is named like a command, say ./NAME)\n\n",
        ]
    )
