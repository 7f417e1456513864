"""Where the attributes of one frame stand: per frame, shared, or in the data set itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from img_ingestion.errors import NotRendered, turned_into

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def described(dataset: Dataset, number: int, group: str) -> Dataset:
    """
    Find what holds the attributes of a functional group for one frame (PS3.3 C.7.6.16).

    Parameters
    ----------
    dataset : Dataset
        Of the instance.
    number : int
        Frame number, from 1.
    group : str
        Keyword of the group's sequence, e.g. `FrameVOILUTSequence`.

    Returns
    -------
    Dataset
        The group's item for this frame, else the one for all frames, else the data set.

    """
    per_frame = items(dataset, "PerFrameFunctionalGroupsSequence")
    if per_frame and number > len(per_frame):
        raise NotRendered("there are fewer per-frame functional groups than frames")
    for groups in (
        *per_frame[number - 1 : number],
        *items(dataset, "SharedFunctionalGroupsSequence")[:1],
    ):
        for item in items(groups, group):
            return item
    return dataset


def items(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Give the items of a sequence, none where it is absent or empty."""
    with turned_into(NotRendered, f"reading {keyword}"):
        return list(dataset.get(keyword) or ())


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Give an element's numbers, none where it is absent, empty or no number stands in it."""
    with turned_into(NotRendered, f"reading {keyword}"):
        value: Any = dataset.get(keyword)
        if value is None or value == "":
            return []
        values = value if hasattr(value, "__iter__") and not isinstance(value, str) else [value]
        return [float(one) for one in values]


def text(dataset: Dataset, keyword: str) -> str:
    """Give a code string, empty where it is absent."""
    with turned_into(NotRendered, f"reading {keyword}"):
        return str(dataset.get(keyword) or "").strip().upper()
