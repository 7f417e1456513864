"""
Fuzz the line from bytes to pictures: `python bench/fuzz/line.py CORPUS [--text] [OPTIONS]`.

With `--text` it also looks for text in the pixels, as the gateway does unless it is told otherwise.
OPTIONS are libFuzzer's.

Needs atheris, which nothing else here does: `pip install atheris`. Every instance must come out
clean or be held: anything but an `InstanceError` is a find, and libFuzzer keeps its bytes. It runs
in one process on purpose: what the process apart would survive is to be seen here.

Under atheris the memory grows by 0.1 to 0.4 MB a run with `--text`: atheris 3.0.0 never lets go of
what an instrumented comparison of arrays gives (200 of `a == b` with 1 MiB each: 200 MB; without
instrumentation: none). The line itself does not grow: say `-rss_limit_mb`, and begin again.

The seeds are pydicom's small test files. Half of the mutations are libFuzzer's own; the others
change one element's length or value representation, the transfer syntax, or bytes of the pixels,
which random bytes seldom hit without breaking what stands before.
"""

from __future__ import annotations

import random
import sys
import warnings
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import atheris

with atheris.instrument_imports(include=["pydicom", "img_ingestion"]):
    from img_ingestion import deidentify, render
    from img_ingestion.deidentify import recipe
    from img_ingestion.errors import InstanceError
    from img_ingestion.instance import ReceivedInstance
    from img_ingestion.settings import Limits, Settings

from pydicom.data import get_testdata_files
from pydicom.uid import AllTransferSyntaxes

SMALL_BYTES = 20_000
PIXELS = b"\xe0\x7f\x10\0"
HEADER = 12
LOOK = "--text"
SETTINGS = Settings(
    limits=Limits(max_unpacked_bytes=1 << 22 if LOOK in sys.argv else 1 << 26),
    pixels={"policy": "all" if LOOK in sys.argv else "rules"},
)
POLICY = deidentify.policy("fuzz", SETTINGS, recipe.load(ROOT / "deid.dicom"), bytes(32))


def one(content: bytes) -> None:
    """Walk the line once; only an `InstanceError` may come out of it."""
    received = ReceivedInstance(
        "0" * 16, "fuzz", Path("IM0001.dcm"), content, sha256(content).hexdigest()
    )
    try:
        clean = deidentify.deidentify(received, POLICY)
        for _ in render.pictures(clean.dataset, SETTINGS.rendering, SETTINGS.limits):
            pass
    except InstanceError:
        pass


def mutated(content: bytes, largest: int, seed: int) -> bytes:
    """Change bytes as libFuzzer does, or change what an element says of itself."""
    chance = random.Random(seed)  # noqa: S311 (libFuzzer's own seed)
    starts = [at for at in range(132, len(content) - 8, 2) if content[at + 4 : at + 6].isupper()]
    if not starts or chance.random() < 0.5:  # noqa: PLR2004 (half of them)
        return bytes(atheris.Mutate(content, largest))
    changed, at = bytearray(content), chance.choice(starts)
    match chance.randrange(6):
        case 0:
            changed[at + 6 : at + 8] = chance.randbytes(2)
        case 1:
            changed[at + 8 : at + 12] = chance.choice([b"\xff" * 4, chance.randbytes(4)])
        case 2:
            changed[at + 4 : at + 6] = chance.choice([b"SQ", b"UN", b"OB", b"US", b"DS", b"PN"])
        case 3:
            changed = _of_another_syntax(content, chance)
        case _:
            changed = _of_other_pixels(changed, chance)
    return bytes(changed[:largest])


def _of_another_syntax(content: bytes, chance: random.Random) -> bytearray:
    start = content.find(b"1.2.840.10008.1.2")
    end = start + 17
    while end < len(content) and content[end : end + 1] in b".0123456789\0":
        end += 1
    uid = chance.choice(AllTransferSyntaxes).encode()[: end - start].ljust(end - start, b"\0")
    return bytearray(content[:start] + uid + content[end:] if start > 0 else content)


def _of_other_pixels(content: bytearray, chance: random.Random) -> bytearray:
    start = content.rfind(PIXELS) + HEADER
    for _ in range(chance.choice((1, 2, 8, 64)) if start < len(content) else 0):
        content[chance.randrange(start, len(content))] = chance.choice(
            (0, 255, chance.getrandbits(8))
        )
    return content


def seeds(corpus: Path) -> None:
    """Put pydicom's small files into a corpus that has none of its own."""
    corpus.mkdir(parents=True, exist_ok=True)
    for path in map(Path, get_testdata_files("*.dcm")):
        if path.stat().st_size <= SMALL_BYTES:
            (corpus / sha256(path.read_bytes()).hexdigest()[:16]).write_bytes(path.read_bytes())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    seeds(Path(sys.argv[1]))
    atheris.Setup([each for each in sys.argv if each != LOOK], one, custom_mutator=mutated)
    atheris.Fuzz()
