"""The commands: the only place that prints, and that makes exit statuses."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from img_ingestion import console, options
from img_ingestion.discretion import discreet
from img_ingestion.ending import ending
from img_ingestion.errors import AlreadyRunning, SettingsError, StorageError
from img_ingestion.home import Home
from img_ingestion.ledger import Ledger
from img_ingestion.lock import only_run
from img_ingestion.settings_file import load, recipe_path
from img_ingestion.tally import Tally, stranded

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence

    from img_ingestion.deidentify.recipe import Recipe
    from img_ingestion.ending import Ending
    from img_ingestion.settings import Settings

DONE, UNFORESEEN, HELD, STORAGE, UNAVAILABLE, INTERRUPTED = 0, 1, 3, 4, 5, 130
STATUSES = {SettingsError: 2, StorageError: STORAGE, AlreadyRunning: 6}


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass has to do."""

    home: Home
    settings: Settings
    recipe: Recipe
    chosen: Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `ingestion.py`; give its exit status."""
    name, rest = options.command(list(sys.argv[1:] if arguments is None else arguments))
    if name == "identify":
        return _status(_identify, options.identify().parse_args(rest))
    return _status(_ingestion, options.ingestion().parse_args(rest))


def send(arguments: Sequence[str] | None = None) -> int:
    """Run `filetransfer.py`; give its exit status."""
    return _status(_transfer, options.transfer().parse_args(arguments))


def _status(command: Callable[[Namespace], int], chosen: Namespace) -> int:
    """Run a command; turn what it raises into an exit status. The only such place."""
    with discreet():
        try:
            return command(chosen)
        except tuple(STATUSES) as error:
            _complain(str(error))
            return STATUSES[type(error)]
        except KeyboardInterrupt:
            return INTERRUPTED
        except Exception as error:
            _complain(f"Unforeseen: {console.anatomy(error)}")
            return UNFORESEEN


def _ingestion(chosen: Namespace) -> int:
    """Make one pass, or pass after pass until the end is asked for."""
    from img_ingestion.deidentify import recipe

    home = _home(chosen)
    settings = load(home.root, chosen.config)
    work = Pass(home, settings, recipe.load(recipe_path(settings, home.root)), chosen)
    with ending() as end, _only_run(home, rehearsing=chosen.dry_run):
        while True:
            status = _one_pass(work, end)
            if chosen.watch is None or status == STORAGE or end.asked(chosen.watch):
                return end.status if end.signal else status


def _one_pass(work: Pass, end: Ending) -> int:
    """Take what has arrived, send what waits, say how it ended."""
    dry, tally = work.chosen.dry_run, Tally()
    with (Ledger.rehearsal if dry else Ledger.open)(work.home.state) as ledger:
        first, second = _ingested(work, ledger, tally), _delivered(work.settings, ledger, tally)
        try:
            for _ in first if dry else chain(first, second):
                if end.asked():
                    break
        except StorageError as error:
            _complain(f"{error}; no further file is taken")
            _say(tally.summary(ledger.totals()["waiting"]))
            return STORAGE
        if dry:
            _say(console.REHEARSED, tally.summary(ledger.totals()["waiting"]))
            return HELD if tally.count("held") else DONE
        if work.chosen.watch is not None and not tally.states:
            return DONE
        return _concluded(work.settings, ledger, tally)


def _ingested(work: Pass, ledger: Ledger, tally: Tally) -> Iterator[None]:
    """Walk line one and tell the console of each file; pause after each."""
    from img_ingestion.ingest import ingest

    for one in ingest(work.home, work.settings, work.recipe, ledger, work.chosen.files):
        if one.outcome == "arriving" or one.outcome == "skipped":  # noqa: PLR1714 (narrows it)
            tally.left.append(one.outcome)
        else:
            if not tally.states:
                _say(console.OPENING)
            tally.note([one.id], one.outcome, one.plain)
        _say(*console.of_file(one))
        yield


def _delivered(settings: Settings, ledger: Ledger, tally: Tally) -> Iterator[None]:
    """Walk line two and tell the console of each parcel; pause after each."""
    if not ledger.totals()["waiting"]:
        return
    from img_ingestion.transfer import transfer

    for one in transfer(ledger, settings):
        tally.note(one.ids, one.outcome, console.refusal(one.code))
        _say(console.of_parcel(one))
        yield


def _concluded(settings: Settings, ledger: Ledger, tally: Tally) -> int:
    """Say how a pass ended, and make its exit status."""
    waiting, nowhere = ledger.totals()["waiting"], stranded(settings, ledger)
    if nowhere or not any(one.backend.url for one in (settings, *settings.customers.values())):
        _say(console.no_backend(nowhere))
    _say(tally.summary(waiting))
    if tally.count("held"):
        return HELD
    return UNAVAILABLE if waiting > nowhere else DONE


def _transfer(chosen: Namespace) -> int:
    """Send what waits; no customer's file is opened."""
    home, tally = _home(chosen), Tally()
    settings = load(home.root, chosen.config)
    with ending() as end, _only_run(home), Ledger.open(home.state) as ledger:
        for _ in _delivered(settings, ledger, tally):
            if end.asked():
                break
        status = _concluded(settings, ledger, tally)
        return end.status if end.signal else status


def _identify(chosen: Namespace) -> int:
    """Say what a pseudonym stands for, or write all of them to a file."""
    from img_ingestion.vault import Vault

    vault = Vault(_home(chosen).state / "vault.sqlite")
    if chosen.export:
        _say(f"{vault.export(chosen.export)} pseudonyms written")
        return DONE
    found = vault.identify(chosen.pseudonym)
    _say(*("\t".join(row) for row in found))
    if not found:
        _complain("No original is known for this pseudonym.")
    return DONE if found else UNFORESEEN


def _home(chosen: Namespace) -> Home:
    """Give the home that the operator means."""
    if not chosen.home.is_dir():
        raise SettingsError(f"--home: {chosen.home} is no folder")
    return Home(chosen.home)


@contextmanager
def _only_run(home: Home, *, rehearsing: bool = False) -> Iterator[None]:
    """Hold the home's lock; a rehearsal changes no byte and needs none."""
    if rehearsing:
        yield
        return
    home.prepare()
    with only_run(home.state):
        yield


def _say(*lines: str) -> None:
    """Tell the operator."""
    for line in lines:
        print(line, flush=True)


def _complain(problem: str) -> None:
    """Tell the operator of a problem."""
    print(problem, file=sys.stderr, flush=True)
