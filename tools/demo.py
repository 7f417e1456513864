"""
Set everything up and run the main job on real images: `python3 tools/demo.py`.

Three sample customers are filled with DICOM files that pydicom's wheel ships, the embedded
backend is started on a free port of this machine, and `ingestion.py` makes one pass. All of
it happens in `demo/`, which begins anew each time.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tools.bootstrap import PYTHON, ROOT, inside_venv

if TYPE_CHECKING:
    from collections.abc import Iterator

DEMO = ROOT / "demo"
MARK = "made-by-demo.txt"

SENT = {
    "customer_1/dicom_00000001_000.dcm": "CT_small.dcm",
    "customer_1/dicom_00000002_000.dcm": "MR_small_RLE.dcm",
    "customer_1/study/series/IM0003": "693_J2KI.dcm",
    "customer_1/study/series/IM0004": "dicomdirtests/77654033/CR1/6154",
    "customer_2/dicom_00000005_000.dcm": "SC_rgb_jpeg_dcmtk.dcm",
    "customer_2/dicom_00000006_000.dcm": "SC_rgb_rle_2frame.dcm",
    "customer_3/slice_0001.dcm": "MR_small_jpeg_ls_lossless.dcm",
    "customer_3/image_0001.dcm": "examples_rgb_color.dcm",
}
DUPLICATE = {"customer_3/slice_0001_again.dcm": "MR_small_jpeg_ls_lossless.dcm"}
HELD = {
    "customer_3/plan.dcm": "rtplan.dcm",
    "customer_3/half.dcm": "MR_truncated.dcm",
    "customer_3/notes.txt": "README.txt",
}

SETTINGS = """\
[backend]
url = "{url}"

[incoming]
settle_s = 0.0
give_up_s = 0.0
"""


def main() -> int:
    """Fill the customers, run one pass against the embedded backend, say where to look."""
    inside_venv("requirements.txt")
    os.umask(0o077)
    fill()
    port = free_port()
    (DEMO / "gateway.toml").write_text(SETTINGS.format(url=f"http://127.0.0.1:{port}"))
    with backend(port):
        status = gateway()
    print(where_to_look())
    # 3: something is held, which is what three of the files are here for.
    return 0 if status in {0, 3} else status


def fill() -> None:
    """Make `demo/` anew with three customers."""
    if DEMO.exists() and not (DEMO / MARK).exists():
        sys.exit("demo/ is there and was not made by this program; move it away first")
    shutil.rmtree(DEMO, ignore_errors=True)
    DEMO.mkdir(mode=0o700)
    (DEMO / MARK).write_text(
        "Made by tools/demo.py, which deletes this folder when it runs again.\n"
    )
    package = importlib.util.find_spec("pydicom")
    if package is None or package.origin is None:
        sys.exit("pydicom is not installed")
    samples = Path(package.origin).parent / "data" / "test_files"
    for name, sample in (SENT | DUPLICATE | HELD).items():
        target = DEMO / "local_dcm" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(samples / sample, target)


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def backend(port: int) -> Iterator[None]:
    """Run the embedded backend, and end it afterwards."""
    command = [str(PYTHON), "-m", "img_ingestion.backend", "--port", str(port)]
    log = (DEMO / "backend.log").open("wb")
    with subprocess.Popen(
        [*command, "--out", str(DEMO / "received")], cwd=ROOT, stdout=log, stderr=log
    ) as process:
        try:
            _wait_for(port, process)
            yield
        finally:
            process.terminate()
            log.close()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the backend takes connections."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit("the embedded backend did not start; see demo/backend.log")


def gateway() -> int:
    """Make one pass, exactly as cron would."""
    home = os.path.relpath(DEMO, ROOT)
    arguments = ["ingestion.py", "--home", home, "--config", f"{home}/gateway.toml"]
    print(f"$ python3 {' '.join(arguments)}", flush=True)
    status = subprocess.run([str(PYTHON), *arguments], cwd=ROOT, check=False).returncode
    print(f"exit status {status}")
    return status


def where_to_look() -> str:
    """Count what the pass made, folder by folder."""
    rows = {
        "local_dcm_dicomcleaner/*/*.png": "the pictures",
        "local_dcm_dicomcleaner/*/*.dcm": "the cleaned instances",
        "encoded_images/*/*.png.txt": "the pictures in base64, as sent",
        "received/*/body.json": "what the backend received",
        "received/*/*.png": "the pictures as the backend decoded them",
        "quarantine/*/*.json": "why a file is held",
        "archive/*/*/*/*/*": "the originals that were taken",
    }
    lines = [
        f"  demo/{pattern:<34} {len(list(DEMO.glob(pattern))):>3}  {what}"
        for pattern, what in rows.items()
    ]
    return "\n".join(["", "Where to look:", *lines])


if __name__ == "__main__":
    sys.exit(main())
