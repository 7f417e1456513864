"""What the console is told of a file and of a parcel, line by line; nothing in it identifies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from img_ingestion.errors import DestinationRefused, DestinationShut, NoPicture, ParcelTooLarge
from img_ingestion.outcome import PLAIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from img_ingestion.outcome import Ingested
    from img_ingestion.transfer import Delivered

REFUSALS = {each.__name__ for each in (DestinationRefused, ParcelTooLarge, DestinationShut)}
OPENING = "New images received for processing....."
REHEARSED = "Dry run: no byte was changed and nothing was sent."


def of_file(one: Ingested) -> Iterator[str]:
    """Say what became of one file."""
    if one.outcome == "waiting":
        yield f"Scrubbing {one.shown}."
        for name, size in one.encoded:
            yield f"Encoding...... {name} {size}"
        if one.reason:
            yield f"Note.......... {one.shown}: {one.reason}"
    elif one.outcome == "duplicate":
        yield f"Duplicate..... {one.shown}: {one.reason}"
    elif one.outcome == "held":
        yield f"Held.......... {one.shown}: {one.plain} ({one.reason})"
    elif one.outcome == "skipped":
        yield f"Skipped....... {one.shown}: {one.plain}"


def of_parcel(one: Delivered) -> str:
    """Say what became of one parcel."""
    words = {"sent": "Sending.......", "waiting": "Waiting.......", "held": "Held.........."}
    word = words[one.outcome] if one.code != NoPicture.__name__ else "No picture...."
    number = one.images or len(one.ids)
    what = "image" if one.images else "instance"
    images = f"{number} {what}{'' if number == 1 else 's'}"
    where = "" if one.destination == "backend" else f" to {one.destination}"
    return f"{word} {one.customer} {one.series_uid} {images}{where}, {one.status}"


def refusal(code: str) -> str:
    """Say in plain words why a parcel is held; empty where it is not."""
    return "refused" if code in REFUSALS else PLAIN.get(code, "")


def no_backend(waiting: int) -> str:
    """Say that nothing is sent because nobody said where."""
    number = f"{waiting} {'instance waits' if waiting == 1 else 'instances wait'}"
    return f"No backend configured: nothing is sent; {number} until [backend] url says where"


def anatomy(error: BaseException | None) -> str:
    """Describe an error by its types and places: messages of foreign code quote values."""
    chain = []
    while error is not None:
        chain.append(f"{type(error).__name__}{_place(error.__traceback__)}")
        error = error.__cause__ or error.__context__
    return " from ".join(chain)


def _place(trace: TracebackType | None) -> str:
    """Name the innermost line of ours that an error passed through."""
    place = ""
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("img_ingestion"):
            place = f" at {module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
