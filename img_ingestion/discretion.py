"""Say and leave nothing that others should not read."""

from __future__ import annotations

import logging
import os
import resource
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def discreet() -> Iterator[None]:
    """
    Silence foreign warnings, logs and half-swallowed errors; keep new files to ourselves.

    pydicom, deid, urllib3 and others quote values, paths and URLs in all three, and a core has
    whatever was in memory.
    """
    _open_standard_streams()
    core = resource.getrlimit(resource.RLIMIT_CORE)
    # 0 does not keep a core from a program that the kernel pipes it to; 1 does both (core(5)).
    resource.setrlimit(resource.RLIMIT_CORE, (1 if core[1] else 0, core[1]))
    mask, level, unraisable = os.umask(0o077), logging.root.manager.disable, sys.unraisablehook
    logging.disable()
    sys.unraisablehook = _nothing
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.umask(mask)
        resource.setrlimit(resource.RLIMIT_CORE, core)
        logging.disable(level)
        sys.unraisablehook = unraisable


def _open_standard_streams() -> None:
    """Lead closed ones nowhere: else a file of ours gets the number that libraries print to."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # The lowest number that is free.
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _nothing(_: object) -> None:
    """Print nothing of an error that nobody can catch."""
