"""What can be done with an element, in the codes of the standard."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Action(StrEnum):
    """What to do with an element: the codes of PS3.15 Table E.1-1a, and three of this house."""

    X = "X"
    """Remove."""
    Z = "Z"
    """Zero length."""
    D = "D"
    """A dummy value that is valid for the VR."""
    U = "U"
    """A UID that is consistent within a customer's instances."""
    K = "K"
    """Keep; a kept sequence is still descended into."""
    C = "C"
    """Clean: keep the meaning, lose what identifies."""
    X_Z = "X/Z"
    X_D = "X/D"
    Z_D = "Z/D"
    X_Z_D = "X/Z/D"
    X_Z_U = "X/Z/U*"
    SHIFT = "SHIFT"
    """A date or time moved by the patient's own number of days: C of Modified Dates."""
    PSEUDONYM = "PSEUDONYM"
    """A keyed short code: same patient, same code."""
    LITERAL = "LITERAL"
    """The text that the recipe gives."""


EXPOSURE: Mapping[Action, int] = MappingProxyType(
    {Action.K: 3, Action.C: 2, Action.SHIFT: 2, Action.PSEUDONYM: 1, Action.U: 1, Action.X_Z_U: 1}
)
"""How much of the original an action lets through; 0 for all others."""
