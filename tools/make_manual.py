"""Write the man page and bash's completion from the parsers: `python3 tools/make_manual.py`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from img_ingestion import options
from img_ingestion.commands import COMMANDS

if TYPE_CHECKING:
    from argparse import ArgumentParser

MANUAL, COMPLETION = ROOT / "docs" / "ingestion.1", ROOT / "docs" / "ingestion.bash"


def manual() -> str:
    """Give the man page: the help of `ingestion.py`, then of each command."""
    parts = [
        ".TH INGESTION 1",
        ".SH NAME",
        r"ingestion.py \- clean what customers sent, and send it to the backend",
        ".SH DESCRIPTION",
        _verbatim(options.ingestion()),
        ".SH COMMANDS",
    ]
    for name in COMMANDS:
        parts += [f".SS {_plain(name)}", _verbatim(options.ingestion(name))]
    return "\n".join(parts) + "\n"


def completion() -> str:
    """Give bash's completion: commands first, then the options of the one that is there."""
    cases = [f"        {name}) words={_quoted(options.ingestion(name))} ;;" for name in COMMANDS]
    return "\n".join(
        [
            "# Completion for ingestion.py: source this file. Written by tools/make_manual.py.",
            "_ingestion() {",
            '    local word words=""',
            f"    local commands={' '.join(COMMANDS)!r}",
            '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
            '        [[ " $commands " == *" $word "* ]] && break',
            "    done",
            '    case "$word" in',
            *cases,
            f'        *) words="$commands "{_quoted(options.ingestion())} ;;',
            "    esac",
            '    COMPREPLY=($(compgen -W "$words" -- "${COMP_WORDS[COMP_CWORD]}"))',
            "}",
            "complete -o default -F _ingestion ingestion.py",
            "",
        ]
    )


def _verbatim(parser: ArgumentParser) -> str:
    lines = [_plain(line) for line in parser.format_help().rstrip().splitlines()]
    return "\n".join([".nf", *lines, ".fi"])


def _plain(line: str) -> str:
    """Keep troff from reading a line of ours as its own."""
    escaped = line.replace("\\", "\\e").replace("-", r"\-")
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _quoted(parser: ArgumentParser) -> str:
    words = [word for action in parser._actions for word in action.option_strings]  # noqa: SLF001
    choices = [str(c) for a in parser._actions if not a.option_strings for c in a.choices or ()]  # noqa: SLF001
    return f"'{' '.join([*choices, *words])}'"


if __name__ == "__main__":
    MANUAL.write_text(manual(), encoding="utf-8")
    COMPLETION.write_text(completion(), encoding="utf-8")
