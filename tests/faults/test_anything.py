"""Whatever happens in whatever order, the books balance and nothing is accepted twice."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from img_ingestion.backend import EmbeddedBackend
from img_ingestion.cli import main
from tests.conftest import _instance
from tests.faults.gateway import files, home_at

EXAMPLES = int(os.environ.get("FAULTS_EXAMPLES", "3"))
"""`bench/faults.py` asks for more."""
INSTANCES = [_instance(SOPInstanceUID=f"1.2.3.{n}", InstanceNumber=n + 1) for n in range(6)]
INSTANCES += [_instance(SOPInstanceUID="1.2.3.0", KVP=70), INSTANCES[0][:-7], b"no DICOM"]
WHICH = st.integers(0, len(INSTANCES) - 1)
CUSTOMER = st.sampled_from(["north", "south"])
SENT_OR = {0, 3, 5}


class Days(RuleBasedStateMachine):
    """Customers, operators, a backend and the power, in any order."""

    @initialize()
    def begin(self) -> None:
        self.end = ExitStack()
        scratch = Path(self.end.enter_context(tempfile.TemporaryDirectory()))
        self.received, self.dropped = scratch / "received", 0
        backend = EmbeddedBackend(self.received)
        self.home = home_at(scratch / "home", self.end.enter_context(backend))
        shutil.rmtree(self.home.local_dcm)
        self.home.prepare()

    @rule(which=WHICH, customer=CUSTOMER)
    def something_arrives(self, which: int, customer: str) -> None:
        self.dropped += 1
        path = self.home.local_dcm / customer / f"image_{self.dropped}.dcm"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(INSTANCES[which])

    @rule()
    def a_pass_is_made(self) -> None:
        assert self._said("run") in SENT_OR

    @rule(limit=st.integers(1, 2))
    def a_pass_is_kept_small(self, limit: int) -> None:
        assert self._said("run", "--max-files", str(limit)) in SENT_OR

    @precondition(lambda self: (self.home.state / "ledger.sqlite").exists())
    @rule(damaged=st.booleans())
    def the_ledger_is_lost(self, *, damaged: bool) -> None:
        path = self.home.state / "ledger.sqlite"
        if not (self.home.state / "ledger.key").exists():
            return
        path.write_bytes(b"?" * 9999) if damaged else path.unlink()
        assert self._said("run") == 4
        assert self._said("rebuild") == 0

    @rule()
    def what_was_sent_is_pruned(self) -> None:
        policy = self.home.root / "gateway.toml"
        before = policy.read_text()
        policy.write_text(before + "[retention.encoded_images]\nkeep_gb = 0.000000001\n")
        assert self._said("prune") == 0
        policy.write_text(before)

    @rule()
    def the_books_are_looked_at(self) -> None:
        if not files(self.home.local_dcm):
            assert self._said("reconcile") == 0

    def _said(self, command: str, *more: str) -> int:
        return main([command, "--home", str(self.home.root), *more])

    def teardown(self) -> None:
        if not hasattr(self, "end"):
            return
        with self.end:
            for _ in range(2):
                self._said("run")
            assert self._said("reconcile") == self._said("verify") == 0
            kept = [*files(self.home.archive), *self.home.quarantine.rglob("*.dcm")]
            assert len(kept) == self.dropped
            assert not [one for one in self._accepted().values() if one > 1]

    def _accepted(self) -> Counter[str]:
        bodies = [json.loads(path.read_text()) for path in self.received.rglob("body.json")]
        pictures = [
            (image["imageInstanceUid"], image["data"])
            for body in bodies
            for image in body["images"]
        ]
        return Counter(f"{uid} {data}" for uid, data in pictures)


TestDays = Days.TestCase
TestDays.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=10,
    deadline=None,
    derandomize=EXAMPLES < 10,
    database=None,
    suppress_health_check=list(HealthCheck),
)
