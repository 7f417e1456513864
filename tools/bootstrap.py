"""Make `.venv` and go on inside it. Standard library only: it runs before anything is there."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"


def inside_venv(requirements: str) -> None:
    """
    Return inside a `.venv` that has what a requirements file names; begin again there if need be.

    What is installed is noted in the venv, so that a second run starts at once.
    """
    wanted = "".join(path.read_text() for path in sorted(ROOT.glob("requirements*.txt")))
    noted = VENV / f"installed-{requirements}"
    if not (noted.exists() and noted.read_text() == wanted):
        _install(requirements)
        noted.write_text(wanted)
    if Path(sys.prefix).resolve() != VENV:
        os.execv(PYTHON, [str(PYTHON), *sys.argv])  # noqa: S606 (this very program again)


def _install(requirements: str) -> None:
    """Make the venv where there is none, and install into it."""
    if sys.version_info < (3, 11):  # noqa: UP036 (whoever starts it may have an older one)
        _stop("Python 3.11 or newer is needed; on Debian 12: apt install python3 python3-venv")
    if not PYTHON.exists() and importlib.util.find_spec("ensurepip") is None:
        _stop("Python's venv is not complete here; as root: apt install python3-venv")
    print(f"Setting up .venv from {requirements} (once; a minute or two).....", flush=True)
    pip = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    try:
        if not PYTHON.exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)
        subprocess.run([str(PYTHON), *pip, "-r", str(ROOT / requirements)], check=True)
    except subprocess.CalledProcessError:
        _stop("Setting up .venv failed; what pip or venv said stands above.")


def _stop(reason: str) -> NoReturn:
    """Say plainly why it cannot go on."""
    print(reason, file=sys.stderr)
    raise SystemExit(2)
