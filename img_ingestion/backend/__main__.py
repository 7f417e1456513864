"""Run the embedded backend: `python3 -m img_ingestion.backend --out received`."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from img_ingestion.backend.misbehaviour import Misbehaviour, parsed
from img_ingestion.backend.server import MAX_BODY_BYTES, EmbeddedBackend
from img_ingestion.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ENDS = {signal.SIGINT, signal.SIGTERM}
_EPILOG = """\
misbehaviours, each KEY=VALUE,...:
  status=503          answer this status; with retry-after=SECONDS or a date
  fault=html          200 with a web page      fault=wrong     200 with other JSON
  fault=cut           200 with half the JSON   fault=short     the connection ends amid the answer
  fault=drip          a byte at a time         fault=reset     the connection ends amid the upload
  fault=bomb          64 MiB of zeros, gzipped fault=redirect  302
  delay=SECONDS       before the answer; for drip, between two bytes
  only=TEXT           where the body has this text, e.g. the UID of one image
  times=N             so many times, then well
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM; give the exit status."""
    chosen = _parser().parse_args(arguments)
    # Blocked before the server's threads begin, so that they reach nobody but sigwait below.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    backend = EmbeddedBackend(
        chosen.out, chosen.misbehave, port=chosen.port, max_bytes=chosen.max_bytes
    )
    with backend as url:
        print(f"Embedded backend at {url}, storing in {chosen.out}", flush=True)
        signal.sigwait(_ENDS)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m img_ingestion.backend",
        description="A backend for trying and testing, on 127.0.0.1 only: it holds every upload "
        "against the contract, decodes each PNG and stores what it got.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8080, help="0: any free one (default 8080)")
    parser.add_argument(
        "--out", type=Path, default=Path("received"), help="folder to store in (default received)"
    )
    parser.add_argument(
        "--misbehave",
        type=_misbehaviour,
        action="append",
        default=[],
        metavar="KEY=VALUE,...",
        help="fail on purpose; may be given several times, the first that fits happens",
    )
    parser.add_argument(
        "--max-bytes", type=int, default=MAX_BODY_BYTES, help="longer bodies are answered 413"
    )
    return parser


def _misbehaviour(text: str) -> Misbehaviour:
    try:
        return parsed(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except (OSError, StorageError) as error:
        raise SystemExit(f"embedded backend: {error}") from error
