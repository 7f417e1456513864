"""
Set everything up and run the tests: `python3 tools/test.py [pytest's own arguments]`.

`python3 tools/test.py --all` runs the format, lint and type checks as well.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.bootstrap import PYTHON, ROOT, inside_venv

CHECKS = (("ruff", "format", "--check"), ("ruff", "check"), ("mypy",))


def main(arguments: list[str]) -> int:
    """Run the tests, and the checks when asked; give the first exit status that is not 0."""
    inside_venv("requirements-dev.txt")
    everything = "--all" in arguments
    tests = ("pytest", *(argument for argument in arguments if argument != "--all"))
    commands = (*CHECKS, tests) if everything else (tests,)
    statuses = [
        subprocess.run([str(PYTHON), "-m", *command], cwd=ROOT, check=False).returncode
        for command in commands
    ]
    return next(filter(None, statuses), 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
