"""
The right Python: `python3 ingestion.py` works whichever `python3` cron or an operator has.

Standard library only, and little of it: it runs before anything that was installed, and cron may
start two interpreters every few minutes.
"""

import gc
import os
import sys
from importlib.machinery import PathFinder

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
VENV = os.path.realpath(os.path.join(ROOT, ".venv"))
OWN = os.path.join(VENV, "bin", "python")
BETWEEN_LOOKS = 20_000
"""New objects between two looks for garbage; Python's own number is 700."""
NEEDED = ("pydantic_settings", "pydicom", "deid", "numpy", "PIL", "requests")


def with_dependencies() -> None:
    """Go on in the project's own `.venv` where this Python lacks what the gateway needs."""
    # Else pydantic reads the metadata of every installed package, to look for plugins of its own.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")
    # Else numpy's linear algebra, which nothing here needs fast, starts threads that spin.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What is imported stays: looking for garbage in it took a twelfth of a start.
    gc.set_threshold(BETWEEN_LOOKS)
    missing = [name for name in NEEDED if PathFinder.find_spec(name) is None]
    if not missing:
        return
    if os.path.exists(OWN) and os.path.realpath(sys.prefix) != VENV:
        os.execv(OWN, [OWN, *sys.argv])  # noqa: S606 - this very program again
    sys.stderr.write(
        f"This Python has no {', '.join(missing)}.\n"
        f"Set up the gateway's own: python3 -m venv {VENV} && "
        f"{VENV}/bin/pip install -r {ROOT}/requirements.txt\n"
    )
    raise SystemExit(2)
