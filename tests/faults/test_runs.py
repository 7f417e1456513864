"""Runs that meet, clocks that jump, and everything that a pass touches."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, socket
from typing import TYPE_CHECKING

import pytest

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.backend.misbehaviour import Misbehaviour
from img_ingestion.cli import main
from tests.faults.gateway import ALREADY_RUNNING, ROOT, broken, files, home_at, needs, totals

if TYPE_CHECKING:
    from img_ingestion.home import Home
    from tests.conftest import MakeInstance

STARTS = 20
HELD, UNAVAILABLE = 3, 5


def test_of_twenty_that_start_at_once_one_works_and_the_others_end_with_6(tmp_path: Path) -> None:
    received = tmp_path / "received"
    # The one that works is still at it when the last one starts.
    with EmbeddedBackend(received, [Misbehaviour(delay=6, times=1)]) as url:
        home = home_at(tmp_path / "home", url)
        children = [os.fork() for _ in range(STARTS) if os.getpid() == _PARENT]
        if 0 in children:
            _start(home)
        ended = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert Counter(ended) == {ALREADY_RUNNING: STARTS - 1, HELD: 1}
        assert list(broken(home, received)) == []


_PARENT = os.getpid()


def _start(home: Home) -> None:
    status = 1
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        status = main(["--home", str(home.root)])
    finally:
        os._exit(status)


def _at(clock: str, home: Home) -> int:
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(home.root)]
    clocked = ["faketime", "-f", clock, *command] if clock else command
    return subprocess.run(clocked, check=False, capture_output=True).returncode


def test_a_clock_that_jumps_a_day_delays_and_loses_nothing(tmp_path: Path) -> None:
    needs("faketime")
    received = tmp_path / "received"
    with EmbeddedBackend(received, [Misbehaviour(status=503, times=2)]) as url:
        home = home_at(tmp_path / "home", url)
        assert _at("+1d", home) == HELD
        assert totals(home)["waiting"] == 2
        # What was postponed by a clock that was ahead does not wait until the day has come.
        assert _at("-1d", home) == 0
        assert list(broken(home, received)) == []
        (home.local_dcm / "north" / "late.txt").write_bytes(b"no DICOM")
        assert _at("+1d", home) == HELD
        assert main(["reconcile", "--home", str(home.root)]) == 0


HOSTILE = (
    "../../escaped.dcm",
    "-rf.dcm",
    "new\nline.dcm",
    "\x1b[31mred.dcm",
    "n" * 251 + ".dcm",
    "caf\u00e9.dcm",
    "cafe\u0301.dcm",
    os.fsdecode(b"\xff\xfe.dcm"),
)


@pytest.fixture
def hostile(tmp_path: Path) -> Home:
    """Give a home with hostile names, links out of it, and things that are no files."""
    home = home_at(tmp_path / "home")
    folder, content = home.local_dcm / "north", files(home.local_dcm)[0].read_bytes()
    for name in HOSTILE:
        (folder / name.replace("../../", "..%2f")).write_bytes(content)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.dcm").write_bytes(content)
    (folder / "link.dcm").symlink_to(outside / "secret.dcm")
    (folder / "links").symlink_to(outside)
    os.mkfifo(folder / "fifo.dcm")
    (folder / "folder.dcm").mkdir()
    (folder / "device.dcm").symlink_to("/dev/zero")
    return home


def test_no_path_outside_the_home_is_written_or_read_but_the_programs_own(
    hostile: Home, tmp_path: Path
) -> None:
    needs("strace")
    trace = tmp_path / "trace"
    command = [sys.executable, str(ROOT / "ingestion.py"), "--home", str(hostile.root)]
    calls = "trace=%file,connect"
    strace = ["strace", "-f", "-y", "-qq", "-s", "4096", "-e", calls, "-o", str(trace)]
    # deid reads a recipe from a file only: a copy of it, and nothing else, is made there.
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    ran = subprocess.run(
        [*strace, *command],
        check=False,
        capture_output=True,
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(temporary)},
    )
    if not trace.exists() or b"PTRACE" in ran.stderr:
        pytest.skip("strace may not trace here")
    assert ran.returncode == HELD
    seen = trace.read_text("utf-8", "surrogateescape")
    assert _strangers(seen, (hostile.root, temporary)) == []
    assert set(re.findall(rf'"{temporary}/[^"]*/([^"/]+)"', seen)) == {"deid.dicom"}
    assert list(temporary.iterdir()) == []
    assert b"\x1b" not in ran.stdout + ran.stderr
    assert totals(hostile)["waiting"] == 2


STRANGERS = (
    "\x1b[31mred",
    "-rf",
    "new\nline",
    "n" * 255,
    os.fsdecode(b"\xff\xfe"),
    "a b",
)
"""Folders that are no customers, and may not become any."""


def test_hostile_names_name_nothing_and_stop_nobody(
    tmp_path: Path, make_instance: MakeInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    home = home_at(tmp_path / "home")
    shutil.rmtree(home.local_dcm)
    folder = home.local_dcm / "north"
    places = [folder / name.replace("../../", "%2e%2e%2f") for name in HOSTILE]
    places += [home.local_dcm / name / "image_1.dcm" for name in STRANGERS]
    for number, place in enumerate(places):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(make_instance(SOPInstanceUID=f"1.2.3.{number}", InstanceNumber=number))
    os.mkfifo(folder / "fifo.dcm")
    with socket(AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "socket.dcm"))
    with suppress(PermissionError):
        os.mknod(folder / "device.dcm", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    (folder / "folder.dcm").mkdir()
    assert main(["--home", str(home.root)]) == HELD
    assert totals(home) == {"waiting": len(HOSTILE), "held": len(STRANGERS)}
    said = "".join(capfd.readouterr())
    assert "\x1b" not in said
    assert "Skipped" in said
    ours = re.compile(r"[A-Za-z0-9._-]{1,120}")
    made = [*home.cleaned.rglob("*"), *home.encoded.rglob("*"), *home.quarantine.rglob("*")]
    made += [*home.state.rglob("*"), *home.archive.iterdir()]
    assert [path.name for path in made if not ours.fullmatch(path.name)] == []
    assert {path.name for path in home.quarantine.iterdir()} == {"_unassigned"}
    state = b"".join(path.read_bytes() for path in files(home.state))
    assert not [name for name in (*HOSTILE[1:], *STRANGERS[:6]) if os.fsencode(name) in state]
    assert main(["verify", "--home", str(home.root)]) == 0


SYSTEM = ("/proc/", "/sys/", "/etc/", "/usr/", "/lib", "/dev/null", "/dev/urandom", "/bin", "/run/")


def _strangers(trace: str, places: tuple[Path, ...]) -> list[str]:
    """Give each call that writes outside the places, or reads outside them and what is Python's."""
    ours = tuple(
        {
            str(Path(one).resolve())
            for one in map(str, (ROOT, sys.prefix, sys.base_prefix, *sys.path))
        }
    )
    ours += (sys.prefix, sys.base_prefix)
    found = []
    for line in trace.splitlines():
        if " = -1 " in line or "execve(" in line or "readlink(" in line:
            continue
        writes = re.search(
            r"O_WRONLY|O_RDWR|O_CREAT|rename|unlink|mkdir|link\(|chmod|truncate", line
        )
        for path in re.findall(r'"(/[^"]*)"', line):
            inside = any(f"{path}/".startswith(f"{place}/") for place in places)
            read = path.startswith((*ours, *SYSTEM)) or any(one.startswith(path) for one in ours)
            harmless = path in {"/dev/null", "/proc/self/oom_score_adj", "/proc/self/task"}
            above = str(places[0]).startswith(path) and not writes
            if not (inside or above or harmless or (read and not writes)):
                found.append(line)
        if "connect(" in line and "AF_UNIX" not in line:
            found.append(line)
    return found
