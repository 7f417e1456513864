"""Remove what was sent, is intact, and has been kept for as long as the settings say."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from img_ingestion import turns
from img_ingestion.commands import place
from img_ingestion.commands.told import DONE, UNFORESEEN, Told, complaint
from img_ingestion.review.audit import Trail
from img_ingestion.settings_file import load

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from img_ingestion.commands.told import Telling

NAME = "prune"
HELP = "remove what was sent and has been kept for long enough"
DESCRIPTION = """\
Remove what was sent, is what it was (by its digest), and has been kept for as long as [retention]
says, folder by folder; as the settings come, nothing. Say --dry-run first. The ledger and the audit
trail keep what went; with [archive_store] encrypted originals are put there first. Status 1 if
something that may go is not what it was, or not encrypted as it has to be; it stays.
"""
REPORTS = True
MB = 10**6


def arguments(parser: ArgumentParser) -> None:
    """Say what can be asked."""
    parser.add_argument("--dry-run", action="store_true", help="say what would go; change nothing")


def run(chosen: Namespace) -> Telling:
    """Remove it, and say how much went from where."""
    from img_ingestion.retention import prunable, prune
    from img_ingestion.storeroom import Storeroom

    home, status = place.home(chosen), DONE
    settings = load(home.root, chosen.config)
    files: Counter[tuple[str, str]] = Counter()
    sizes: Counter[tuple[str, str]] = Counter()
    with (
        turns.ledger(home, settings.ledger, rehearsing=chosen.dry_run) as ledger,
        Storeroom(home, settings) as room,
    ):
        for share in prunable(ledger, home, settings, time.time()):
            where = (share.directory, share.filed.customer)
            if not share.intact:
                status = UNFORESEEN
                yield complaint(f"{'/'.join(where)}: {share.filed.id} was altered; it stays")
                continue
            if any(room.refuses(where[1], path) for path in share.paths):
                status = UNFORESEEN
                yield complaint(f"{'/'.join(where)}: {share.filed.id} is not encrypted; it stays")
                continue
            files[where] += len(share.paths)
            sizes[where] += share.size
            if not chosen.dry_run:
                Trail(home.state).add(
                    "prune",
                    {"id": share.filed.id, "customer": where[1], "directory": where[0]},
                    synced=False,
                )
                prune(ledger, share, room)
    word = "would go" if chosen.dry_run else "removed"
    for (directory, customer), count in sorted(files.items()):
        size = sizes[directory, customer]
        values = {"directory": directory, "customer": customer, "files": count, "bytes": size}
        yield Told(
            (f"{directory}/{customer}: {count} files, {size / MB:.1f} MB {word}",),
            {"pruned": values | {"dry_run": chosen.dry_run}},
        )
    if not files:
        yield Told(("nothing may go, as [retention] stands",), {"pruned": None})
    return status
