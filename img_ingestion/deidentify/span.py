"""Where something stands in a text."""

from __future__ import annotations

Span = tuple[int, int]
"""First letter, and the letter behind the last."""
