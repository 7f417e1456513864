"""
Text that is burned into the pixels: what the recipe's device rules know of, and what is found.

::

    search.py     whether and what is looked for, before it is hidden and after
    text/         what looks like text, found in the stored values
    rules.py      which pictures of which device carry text, and where
    kinds.py      which kinds of image usually carry text, whatever the device
    hide.py       a region made black in every frame, nothing else touched
    native.py     ... where the pixels stand uncompressed
    compressed.py ... where they do not
    jpeg/         ... where they can be hidden without decoding
    written.py    ... new frames as one element
    lossless.py   a frame back into its own lossless code stream
    lossy.py      what is said of a lossy past
    black.py      what black is
    planes.py     bits beside the stored ones
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from img_ingestion import part10
from img_ingestion.deidentify.pixels import kinds, planes
from img_ingestion.deidentify.pixels.hide import hide
from img_ingestion.deidentify.pixels.rules import PixelRule, covered, matched
from img_ingestion.errors import NotAdmitted
from img_ingestion.instance import Identifiers
from img_ingestion.pixel_data import pixel_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom.dataset import Dataset

    from img_ingestion.instance import Region
    from img_ingestion.settings import Limits

__all__ = ["KEPT", "PixelsCleaned", "clean", "kept"]


class PixelsCleaned(NamedTuple):
    """What was done to the pixels of one instance."""

    regions: tuple[Region, ...] = ()
    """What was hidden, in every frame."""
    checked: bool = False
    """
    The cleaned pixels were looked at again, and nothing that had to be hidden could be read.
    Only then may Burned In Annotation (0028,0301) say NO.
    """


NOBODY = Identifiers()
KEPT = "harmless text"
"""What a region says that was found and left."""


def clean(
    dataset: Dataset,
    rules: Sequence[PixelRule],
    policy: str,
    limits: Limits,
    found: Identifiers = NOBODY,
) -> PixelsCleaned:
    """
    Hide what the device rules know of and what looks like text; hold what is left in doubt.

    Parameters
    ----------
    dataset : Dataset
        Original header, original pixels, with its file meta information. Its pixel data is
        changed in place, and its description of them when they had to be written anew.
    rules : sequence of PixelRule
        Of the recipe.
    policy : str
        `rules` looks for no text, and lets kinds of image that usually carry some go without a
        rule: the operator's own choice. `all` hides every text but a mark of side, posture or
        scale that stands alone, `identifiers` all but what is known to be harmless.
    limits : Limits
        What decoding may cost.
    found : Identifiers
        What identifies the patient.

    Raises
    ------
    NotAdmitted
        Nobody vouches for this picture.
    NotVerified
        Text can still be read in what was cleaned.
    NotDecoded, TooLarge, NotDeidentified
        It cannot be cleaned.

    """
    if not part10.has_pixels(dataset):
        return PixelsCleaned()
    stored = pixel_format(dataset)
    speaking = matched(rules, dataset)
    burned_in = [rule for rule in speaking if rule.verdict == "burned_in"]
    regions = covered(burned_in, stored.rows, stored.columns)
    search = None
    if policy != "rules":
        from img_ingestion.deidentify.pixels.search import Search  # noqa: PLC0415 (see there)

        search = Search.of(dataset, policy, found, limits)
        regions += search.found
    vouched = policy == "rules" or any(rule.verdict == "clean" for rule in speaking)
    _admit(dataset, burned_in, vouched=vouched)
    if not regions and kinds.said_burned_in(dataset, looked=search is not None):
        raise NotAdmitted("said to carry burned-in text, and none was found")
    planes.clear(dataset, stored, limits)
    hidden = hide(dataset, regions, limits)
    if search is None:
        return PixelsCleaned(hidden)
    return PixelsCleaned(hidden + search.proved(hidden), checked=True)


def kept(
    dataset: Dataset, hidden: Sequence[Region], policy: str, limits: Limits
) -> tuple[Region, ...]:
    """
    Give the text that was left in a cleaned picture, to show it.

    Parameters
    ----------
    dataset : Dataset
        Cleaned.
    hidden : sequence of Region
        What was hidden in it.
    policy, limits : str, Limits
        As `clean`. Under `rules` nobody has looked.

    """
    if policy == "rules" or not part10.has_pixels(dataset):
        return ()
    from img_ingestion.deidentify.pixels.search import readable  # noqa: PLC0415 (as above)

    left = readable(dataset, limits, hidden)
    return tuple(region._replace(found_by=KEPT) for region in left)


def _admit(dataset: Dataset, burned_in: Sequence[PixelRule], *, vouched: bool) -> None:
    """Hold a picture that shows what nobody takes away."""
    if label := kinds.slide_label(dataset):
        raise NotAdmitted(f"whole-slide image: {label}")
    for rule in burned_in:
        if not (rule.hide or rule.hide_all):
            raise NotAdmitted(
                f"recipe line {rule.line}: a rule says that this picture carries text, not where"
            )
    if kinds.shows_face(dataset) and not vouched:
        raise NotAdmitted("said to show a recognisable face, and no rule vouches for it")
