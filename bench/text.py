"""
How well burned-in text is hidden: `python bench/text.py TOOLS CORPUS SCRATCH [N [SEED [POLICY]]]`.

TOOLS holds the generator, the judge and the attacker (`../shared/bench/ocr`), CORPUS the pictures
they work on. N pictures with known text are made, cleaned by `ingestion.py` under POLICY, judged
and attacked; then the pictures without text are cleaned, and what was touched is counted. The
tools run under the Python of the environment variable TOOLS_PYTHON, which needs what their README
lists; the gateway runs under the Python of this program.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = os.environ.get("TOOLS_PYTHON", sys.executable)


def cleaned(source: Path, home: Path, policy: str) -> Path:
    """Clean a folder of files; give the folder of what came out. Prints the processor time."""
    incoming = home / "local_dcm" / "bench"
    incoming.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.glob("*.dcm")):
        (incoming / path.name).write_bytes(path.read_bytes())
    (home / "gateway.toml").write_text(
        f'[incoming]\nsettle_s = 0.0\n[pixels]\npolicy = "{policy}"\n[vault]\nenabled = false\n'
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{done.stdout.splitlines()[-1]}; {seconds:.0f} CPU s", done.stderr, flush=True)
    out = home / "local_dcm_dicomcleaner" / "bench"
    if not any(out.glob("*.dcm")):
        raise SystemExit("nothing came out, and that is not to be judged")
    return out


def tool(tools: Path, name: str, *arguments: str) -> None:
    """Run one of the tools."""
    command = [PYTHON, "-B", str(tools / name), *arguments]
    subprocess.run(command, cwd=tools, check=True)


def main(tools: Path, data: Path, scratch: Path, *chosen: str) -> None:
    """Print what the tools say."""
    number, seed, policy = (*chosen, *("320", "2", "all")[len(chosen) :])
    made, clean = scratch / "set", scratch / "clean"
    if not made.exists():
        places = ("--data", str(data), "--out", str(made))
        tool(tools, "make_corpus.py", *places, "--n", number, "--seed", seed)
        corpus = ("--corpus", str(made))
        tool(tools, "attack.py", *corpus, "--before", "--out", str(scratch / "legible.json"))
        tool(tools, "touched.py", "--data", str(data), "--lay", str(clean))
    corpus = ("--corpus", str(made))
    out = cleaned(made / "dcm", scratch / f"home_{policy}", policy)
    legible = ("--legible", str(scratch / "legible.json"))
    tool(tools, "judge.py", *corpus, "--redacted", str(out), *legible)
    tool(tools, "attack.py", *corpus, "--redacted", str(out), "--out", str(scratch / "leak.json"))
    out = cleaned(clean, scratch / f"clean_{policy}", policy)
    tool(tools, "touched.py", "--data", str(data), "--redacted", str(out))


if __name__ == "__main__":
    main(*(Path(each).resolve() for each in sys.argv[1:4]), *sys.argv[4:])
