"""The door of the commands: the only place that prints, and that makes statuses of errors."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Protocol, TextIO

from img_ingestion import console, options
from img_ingestion.commands import COMMANDS, run
from img_ingestion.commands import send as sending
from img_ingestion.commands.told import STATUSES, UNFORESEEN, complaint
from img_ingestion.discretion import discreet
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from img_ingestion.commands import Command
    from img_ingestion.commands.told import Told

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `ingestion.py`; give its exit status."""
    name, rest = options.command(list(sys.argv[1:] if arguments is None else arguments))
    return _status(COMMANDS.get(name, run), options.ingestion(name).parse_args(rest))


def send(arguments: Sequence[str] | None = None) -> int:
    """Run `filetransfer.py`; give its exit status."""
    return _status(sending, options.transfer().parse_args(arguments))


def _status(command: Command, chosen: Namespace) -> int:
    """Run a command; turn what it raises into an exit status. The only such place."""
    as_json = command.REPORTS and chosen.json
    with discreet(), _progress(command) as bar:
        try:
            telling = command.run(chosen)
            while True:
                try:
                    told = next(telling)
                except StopIteration as end:
                    return int(end.value)
                bar.clear()
                _say(told, as_json=as_json)
                bar.update("file" in (told.values or {}))
        except tuple(STATUSES) as error:
            _complain(str(error), as_json=as_json)
            return next(status for kind, status in STATUSES.items() if isinstance(error, kind))
        except KeyboardInterrupt:
            return INTERRUPTED
        except Exception as error:
            _complain(f"Unforeseen: {console.anatomy(error)}", as_json=as_json)
            return UNFORESEEN


def _progress(command: Command) -> AbstractContextManager[_Bar]:
    """Count files under the lines of a pass on a terminal; elsewhere nothing is drawn."""
    if command is not run or not sys.stderr.isatty():
        return nullcontext(_NoBar())
    from tqdm import tqdm  # noqa: PLC0415 (only a terminal is worth it)

    bar: AbstractContextManager[_Bar] = tqdm(unit=" files", leave=False, file=sys.stderr)
    return bar


class _Bar(Protocol):
    """What counts files on a terminal."""

    def clear(self) -> object:
        """Make room for a line."""
        ...

    def update(self, n: float) -> object:
        """Count so many more."""
        ...


class _NoBar:
    """Counts for nobody."""

    def clear(self) -> None:
        """Make room where nothing is drawn."""

    def update(self, n: float) -> None:
        """Count nothing."""


def _say(told: Told, *, as_json: bool) -> None:
    """Tell the operator, or the program that reads for him."""
    stream = sys.stderr if told.problem else sys.stdout
    if told.log is not None:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        _print(json.dumps({"at": at, **told.log}, default=str), sys.stderr)
    if not as_json:
        for line in told.lines:
            _print(line, stream)
    elif told.values is not None:
        _print(json.dumps(told.values, default=str), stream)


def _complain(words: str, *, as_json: bool) -> None:
    """Say why it ends; the exit status says so too."""
    with suppress(StorageError):
        _say(complaint(words), as_json=as_json)


def _print(line: str, stream: TextIO) -> None:
    """Go on in silence where nobody listens any more; what cannot be written down is a fault."""
    try:
        print(line, file=stream, flush=True)
    except OSError as error:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, stream.fileno())
        os.close(silence)
        if not isinstance(error, BrokenPipeError):
            why = os.strerror(error.errno or 0)
            raise StorageError(f"writing down what is done: {why}") from error
