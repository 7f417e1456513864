"""
A gateway at work that can be told how to fail, and the promises that hold afterwards.

Run as a program, this file loads everything once and forks a child for each pass that it is asked
for; strace is put on a child before its first step.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pydicom
import pyrage
import pytest
from pydicom.data import get_testdata_file

import img_ingestion.ingest
import img_ingestion.transfer  # noqa: F401 (loaded once for all passes)
from img_ingestion import durable, sealing, unsealing
from img_ingestion.cli import main
from img_ingestion.commands import lines
from img_ingestion.home import Home
from img_ingestion.ledger import Deliveries, Ledger
from img_ingestion.shelves import Shelves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from img_ingestion.instance import Receipt

ROOT = Path(__file__).resolve().parents[2]
DROPPED = {
    "north/CT_small.dcm": "CT_small.dcm",
    "north/again/CT_small.dcm": "CT_small.dcm",
    "south/MR_small.dcm": "MR_small.dcm",
    "south/half.dcm": "MR_truncated.dcm",
}
ALREADY_RUNNING = 6
STEPS = ("fsync", "replace", "rename", "unlink", "mkdir")
"""What a pass asks of the disk by way of `os`; sqlite's own calls are strace's part."""
CAPGET, CAPSET = (125, 126) if platform.machine() == "x86_64" else (90, 91)
OVERRIDES = 0b1111
"""CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER (capabilities(7))."""
SETTINGS = """\
[backend]
url = "{url}"
[incoming]
settle_s = 0.0
give_up_s = 0.0
[limits]
min_free_bytes = 0
[pixels]
policy = "rules"
"""


@dataclass(frozen=True)
class Ran:
    """How a pass ended."""

    status: int
    """Negative for a signal."""
    said: str
    """On both its outputs."""
    struck: bool
    """Whether the fault came before the end."""


@dataclass(frozen=True)
class Gateway:
    """The program at work."""

    program: subprocess.Popen[str]
    scratch: Path

    def run(self, home: Home, inject: str = "", **fault: Any) -> Ran:  # noqa: ANN401 (JSON)
        """
        Have a pass made.

        Parameters
        ----------
        home : Home
            Where.
        inject : str, optional
            What strace injects, e.g. `fsync:signal=SIGKILL:when=3`.
        **fault
            As `_suffer` takes it; `kill_after_s`; `command`, if it is not a pass that is made;
            `more`, its arguments.

        """
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        asked = {"home": str(home.root), "said": str(self.scratch / "said")} | fault
        print(json.dumps(asked | {"wait": bool(inject)}), file=self.program.stdin, flush=True)
        child = int(self.program.stdout.readline())
        trace = self.scratch / "trace"
        trace.write_text("")
        tracer = _traced(child, inject, trace) if inject else None
        status = int(self.program.stdout.readline())
        if tracer is not None:
            tracer.wait(timeout=30)
        said = (self.scratch / "said").read_text()
        apart = any(words in said for words in ("ended from outside", "a decoder died"))
        struck = status < 0 or apart or "INJECTED" in trace.read_text()
        return Ran(status, said, struck)


def _traced(child: int, inject: str, trace: Path) -> subprocess.Popen[bytes]:
    """Put strace on a child that waits, and let it go on."""
    _await(child, "State:\tT")
    call = inject.split(":", maxsplit=1)[0]
    command = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={call}"]
    tracer = subprocess.Popen([*command, "-e", f"inject={inject}", "-p", str(child)])
    _await(child, f"TracerPid:\t{tracer.pid}\n")
    os.kill(child, signal.SIGCONT)
    return tracer


def _await(child: int, words: str) -> None:
    """Wait until the system says so of a child."""
    until = time.monotonic() + 30
    while words not in Path(f"/proc/{child}/status").read_text():
        assert time.monotonic() < until, f"waited in vain for {words}"
        time.sleep(0.002)


@contextmanager
def gateway(scratch: Path) -> Iterator[Gateway]:
    """Start the program."""
    with subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as program:
        yield Gateway(program, scratch)


def needs(*programs: str) -> None:
    """Skip where a program is missing that makes the fault."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@contextmanager
def mounted(place: Path, *what: str) -> Iterator[None]:
    """Mount something, or skip where this account may not."""
    place.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *what, str(place)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this account may not mount")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def home_at(root: Path, url: str = "") -> Home:
    """Give a new home with four files that have arrived."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    home = Home(root)
    home.prepare()
    (root / "gateway.toml").write_text(SETTINGS.format(url=url))
    drop(home)
    return home


def sealed_home(root: Path, url: str = "") -> Home:
    """Give the same home with an encrypted archive, and its key."""
    home, key = home_at(root, url), pyrage.x25519.Identity.generate()
    with (root / "gateway.toml").open("a") as settings:
        settings.write(f'[archive]\nrecipients = ["{key.to_public()}"]\n')
    identity(home).parent.mkdir(mode=0o700)
    identity(home).write_text(f"# made by a test\n{key}\n")
    identity(home).chmod(0o600)
    return home


def identity(home: Home) -> Path:
    """Give the place of the archive's key."""
    return home.state / "keys" / unsealing.IDENTITY


def drop(home: Home) -> None:
    """Let the four files arrive."""
    for place, name in DROPPED.items():
        path = home.local_dcm / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(real(name))


def real(name: str) -> bytes:
    """Give one of pydicom's files."""
    return Path(str(get_testdata_file(name, download=False))).read_bytes()


def files(folder: Path) -> list[Path]:
    """Give the files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def totals(home: Home) -> Counter[str]:
    """Count the files by state."""
    with Ledger.open(home.state) as ledger:
        return ledger.totals()


def broken(home: Home, received: Path | None = None) -> Iterator[str]:
    """Name each promise that does not hold after the pass that completes."""
    yield from _lost(home, waiting=received is None)
    counts = totals(home)
    if any(path.name.startswith(".") for path in files(home.root)):
        yield "a temporary is left"
    if (home.state / "in-hand.json").exists():
        yield "the note is left"
    texts = files(home.encoded)
    if len(texts) != counts["waiting"] + counts["sent"]:
        yield "an output is missing, or one too many"
    if len(files(home.cleaned)) != 2 * len(texts):
        yield "a cleaned instance or picture is missing, or one too many"
    for text in texts:
        yield from _half(home.cleaned / text.relative_to(home.encoded).with_suffix(""), text)
    if received is not None and _accepted(received) != [1] * counts["sent"]:
        yield "an image was accepted twice, or not at all"


def _lost(home: Home, *, waiting: bool) -> Iterator[str]:
    wanted, counts = sorted(map(real, DROPPED.values())), totals(home)
    originals = [*files(home.archive), *home.quarantine.rglob("*.dcm*")]
    kept = [unsealing.content(home, path) for path in originals]
    if sorted(kept) != wanted or files(home.local_dcm):
        yield "an original is lost, twice there or left"
    if counts.total() != len(wanted) or counts["sent" if waiting else "waiting"]:
        yield f"the ledger does not add up: {dict(counts)}"


def _accepted(received: Path) -> list[int]:
    """Count how often each image was accepted."""
    bodies = [json.loads(path.read_text()) for path in received.rglob("body.json")]
    images = Counter(image["imageInstanceUid"] for body in bodies for image in body["images"])
    return sorted(images.values())


def _half(picture: Path, text: Path) -> Iterator[str]:
    try:
        whole = base64.b64decode(text.read_bytes(), validate=True) == picture.read_bytes()
        whole = whole and bool(pydicom.dcmread(picture.with_suffix(".dcm")).pixel_array.size)
    except Exception:  # noqa: BLE001 (half a file fails in many ways)
        whole = False
    if not whole:
        yield "half a file has a final name"


def _serve() -> None:
    """Make the passes that standard input asks for, each in a child; tell how it ended."""
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _pass(asked)
        print(child, flush=True)  # noqa: T201 (the answer)
        if "kill_after_s" in asked:
            time.sleep(asked["kill_after_s"])
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 (the answer)


def _pass(asked: dict[str, Any]) -> None:
    said = os.open(asked["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    for output in (1, 2):
        os.dup2(said, output)
    status = 1
    try:
        _suffer(asked)
        command = [asked.get("command", "run"), "--home", asked["home"], *asked.get("more", ())]
        if asked["wait"]:
            os.kill(os.getpid(), signal.SIGSTOP)
        status = main(command)
        for _ in range(50):
            # What a killed pass did apart may need a moment to be gone, and keeps the lock.
            if status != ALREADY_RUNNING:
                break
            time.sleep(0.02)
            status = main(command)
    finally:
        sys.stdout.flush()
        os._exit(status)


def _suffer(asked: dict[str, Any]) -> None:
    """Be as the test wants it: without a protection, mortal, or an account without privileges."""
    if asked.get("unprotected") == "recovery":
        Shelves._undo = Shelves.unswept = Shelves.catch_up = _nothing  # type: ignore[assignment]
        durable.sweep = _nothing  # type: ignore[assignment]
    if asked.get("unprotected") == "sealing":
        sealing.Sealing.catch_up = _nobody  # type: ignore[assignment, method-assign]
    if "before_step" in asked:
        _die_before_step(asked["before_step"])
    if "answers" in asked:
        _die_with_an_answer(asked["answers"])
    if "enough" in asked:
        lines.ENOUGH = asked["enough"]
    if asked.get("ordinary"):
        ordinary()


def ordinary() -> None:
    """Give up what root may do with files that their modes forbid."""
    header = struct.pack("<II", 0x20080522, 0)
    sets = ctypes.create_string_buffer(24)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(CAPGET, header, sets)
    kept = [number & ~OVERRIDES for number in struct.unpack("<6I", sets.raw)[:3]]
    fewer = struct.pack("<6I", *kept, *struct.unpack("<6I", sets.raw)[3:])
    assert libc.syscall(CAPSET, header, fewer) == 0


def _die_before_step(fatal: int) -> None:
    """Count this pass' steps on the disk, also those made apart, and kill it before one of them."""
    program, steps = os.getpid(), mmap(-1, 8)

    def counted(step: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 (any call of os)
            taken = int.from_bytes(steps[:], "big") + 1
            steps[:] = taken.to_bytes(8, "big")
            if taken == fatal:
                os.kill(program, signal.SIGKILL)
                signal.pause()  # The process apart goes with the program.
            return step(*arguments, **named)

        return stepping

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def _die_with_an_answer(answers: int) -> None:
    """Live to write down so many answers of destinations, and die with the next in hand."""
    noted, left = Deliveries.sent, [answers]

    def dying(self: Deliveries, ids: Iterable[str], receipt: Receipt) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        noted(self, ids, receipt)

    Deliveries.sent = dying  # type: ignore[method-assign]


def _nothing(*_: object) -> list[Any]:
    return []


def _nobody(*_: object) -> set[str]:
    return set()


@dataclass
class Tally:
    """What became of the faults of one kind."""

    injected: int = 0
    survived: int = 0
    lost: list[str] = field(default_factory=list)

    def note(self, where: str, problems: list[str]) -> None:
        """Note one fault."""
        self.injected += 1
        self.survived += not problems
        self.lost += [f"{where}: {problem}" for problem in problems]


if __name__ == "__main__":
    _serve()
