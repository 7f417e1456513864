"""
What the embedded backend got, in a folder that one can look into.

Each upload has a folder `NNNN-DIGEST` with `body.json`, where each `data` names the file that
was in it, and those files, `0001.png` and so on; `index.jsonl` has a line for each request.
"""

from __future__ import annotations

import json
import os
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from img_ingestion import durable
from img_ingestion.unsynced import Unsynced

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

INDEX = "index.jsonl"


class Store:
    """The folder of the uploads, and the keys that were seen, over restarts too."""

    def __init__(self, out: Path) -> None:
        durable.folder(out)
        self._out = out
        self._lock = Lock()
        index = out / INDEX
        lines = index.read_text().splitlines() if index.exists() else []
        entries = [json.loads(line) for line in lines]
        self._digests = {entry["key"]: entry["digest"] for entry in entries if entry["key"]}

    def keep(
        self, key: str, body: bytes, pictures: Sequence[bytes]
    ) -> Literal["stored", "again", "other"]:
        """
        Store an upload, unless its idempotency key was seen before.

        `again` is the same body under its key; `other` is another body under a known key.
        """
        digest = sha256(body).hexdigest()
        with self._lock:
            known = self._digests.get(key)
            if known not in {None, digest}:
                return "other"
            if known is None:
                self._write(digest, json.loads(body), pictures)
            outcome: Literal["stored", "again"] = "again" if known else "stored"
            self._note({"outcome": outcome, "key": key, "digest": digest, "images": len(pictures)})
            if key:
                self._digests[key] = digest
        return outcome

    def _write(self, digest: str, body: dict[str, Any], pictures: Sequence[bytes]) -> None:
        number = 1 + max(
            (int(each.name.split("-")[0]) for each in self._out.glob("[0-9]*-*")), default=0
        )
        final = self._out / f"{number:04d}-{digest[:12]}"
        being_written = self._out / f".{final.name}"
        durable.folder(being_written)
        with Unsynced() as folder:
            for place, (image, png) in enumerate(zip(body["images"], pictures, strict=True), 1):
                image["data"] = f"{place:04d}.png"
                durable.write(being_written / image["data"], png, unsynced=folder)
        durable.write(being_written / "body.json", json.dumps(body, indent=2).encode())
        being_written.rename(final)

    def _note(self, entry: dict[str, object]) -> None:
        index = os.open(self._out / INDEX, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(index, "w") as stream:
            stream.write(f"{json.dumps(entry)}\n")
