"""
Write `requirements-hashed.txt`: `python3 tools/make_hashes.py`, on the platform that it is for.

The same packages as `requirements.txt`, each with the sha256 of the file that pip would install on
Linux x86-64 with CPython 3.11: `pip install --require-hashes -r requirements-hashed.txt` installs
these very files or nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# The packages of requirements.txt, by the digests of their files for Linux x86-64 and CPython 3.11:
#   pip install --require-hashes -r requirements-hashed.txt
# Written by tools/make_hashes.py.

"""


def hashed(report: dict[str, Any]) -> str:
    """Give the text of the file from pip's report."""
    lines = []
    for one in report["install"]:
        name, version = one["metadata"]["name"], one["metadata"]["version"]
        digest = one["download_info"]["archive_info"]["hashes"]["sha256"]
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
    return HEAD + "".join(sorted(lines, key=str.lower))


def main() -> None:
    """Ask pip what it would install, and write it down."""
    asked = ("--dry-run", "--ignore-installed", "--no-deps", "--quiet", "--report", "-")
    pip = [sys.executable, "-m", "pip", "install", *asked, "-r", str(ROOT / "requirements.txt")]
    report = subprocess.run(pip, check=True, capture_output=True).stdout
    (ROOT / "requirements-hashed.txt").write_text(hashed(json.loads(report)), encoding="utf-8")


if __name__ == "__main__":
    main()
