"""What `deploy/` gives to other programs: they take it, and it says what our program understands."""

from __future__ import annotations

import re
import shlex
import shutil
import signal
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from img_ingestion import options
from img_ingestion.ending import Ending
from img_ingestion.settings_file import load

if TYPE_CHECKING:
    from collections.abc import Iterator

DEPLOY = Path(__file__).resolve().parents[1] / "deploy"
KUSTOMIZATIONS = sorted(DEPLOY.rglob("kustomization.yaml"))
ROOTS = [path.parent for path in KUSTOMIZATIONS if path.parent.name != "base"]
SETTINGS = sorted(DEPLOY.rglob("gateway.toml"))
SYSTEMD = DEPLOY / "systemd"
UNITS = sorted(path.name for path in SYSTEMD.iterdir() if path.suffix in {".service", ".timer"})
PYTHON = "/opt/venv/bin/python"
MOST_EXPOSED = 20
"""In tenths, of 100: what `systemd-analyze security` may find at the most."""


def tool(*names: str) -> str:
    """Give the path of a program, beside this Python or on the path, or skip."""
    beside = str(Path(sys.executable).parent)
    for name in names:
        if found := shutil.which(name, path=beside) or shutil.which(name):
            return found
    return pytest.skip(f"{' or '.join(names)} is not installed")


def accepted(*command: str) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def documents(path: Path) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def manifests() -> Iterator[Path]:
    """Give the files that are whole by themselves: no patch, nothing of kustomize's."""
    for path in sorted((DEPLOY / "kubernetes").rglob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield path


def pods(found: Any = None) -> Iterator[dict[str, Any]]:  # noqa: ANN401 (of YAML)
    """Give the specification of every pod, however deep it lies."""
    if found is None:
        found = [one for path in manifests() for one in documents(path)]
    if isinstance(found, dict) and "containers" in found:
        yield found
    elif isinstance(found, dict | list):
        for one in found.values() if isinstance(found, dict) else found:
            yield from pods(one) if one is not None else ()


def says(words: list[str]) -> None:
    """Hold what follows `ingestion.py` against what it understands."""
    name, rest = options.command(words)
    options.ingestion(name).parse_args(rest)


@pytest.mark.parametrize("path", KUSTOMIZATIONS, ids=lambda path: path.parent.name)
def test_whatever_a_kustomization_names_is_there(path: Path) -> None:
    (said,) = documents(path)
    generated = [file for one in said.get("configMapGenerator", ()) for file in one["files"]]
    patches = [one["path"] for one in said.get("patches", ())]
    for name in (*said["resources"], *generated, *patches):
        assert (path.parent / name).exists(), name


def test_the_cluster_takes_each_manifest() -> None:
    files = [str(path) for path in manifests()]
    accepted(tool("kubernetes-validate"), "--strict", "--quiet", *files)


@pytest.mark.parametrize("root", ROOTS, ids=lambda path: path.name)
def test_each_overlay_becomes_manifests_that_the_cluster_takes(root: Path, tmp_path: Path) -> None:
    program = tool("kustomize", "kubectl")
    command = (program, "build") if program.endswith("kustomize") else (program, "kustomize")
    made = tmp_path / "made.yaml"
    made.write_text(accepted(*command, str(root)))
    (image,) = {each["image"] for one in pods(documents(made)) for each in one["containers"]}
    assert re.fullmatch(r"img_ingestion:\d+\.\d+\.\d+", image)
    accepted(tool("kubernetes-validate"), "--strict", "--quiet", str(made))


def test_every_pod_keeps_to_the_restricted_profile() -> None:
    found = list(pods())
    assert len(found) == 4
    for pod in found:
        assert pod["automountServiceAccountToken"] is False
        around = pod["securityContext"]
        assert (around["runAsNonRoot"], around["runAsUser"]) == (True, 10001)
        assert around["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]
        writable = {each["name"] for each in container["volumeMounts"] if not each.get("readOnly")}
        assert writable == {"home", "tmp"}


def test_no_secret_lies_in_the_manifests() -> None:
    for path in DEPLOY.rglob("*.yaml"):
        assert "Secret" not in {one["kind"] for one in documents(path) if "kind" in one}
    for path in SETTINGS:
        assert "secret_key =" not in path.read_text("utf-8")


def test_the_program_understands_what_the_pods_and_their_probes_say() -> None:
    for pod in pods():
        (container,) = pod["containers"]
        says([str(word) for word in container["args"]])
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            command = container.get(kind, {}).get("exec", {}).get("command", [])
            assert command[:1] in ([], [PYTHON])
            if "/app/ingestion.py" in command:
                says(command[2:])
                # Of the same settings: the ledger may be elsewhere.
                assert container["args"][:2] == command[3:5]
            elif command:
                compile(command[2], "probe", "exec")


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.parent.name)
def test_the_settings_of_a_deployment_are_read(path: Path, tmp_path: Path) -> None:
    for name in ("token", "secret_key", "receiver.pem", "ledger_password", "ledger_ca.pem"):
        (tmp_path / name).write_text("made-up")
    here = tmp_path / "gateway.toml"
    here.write_text(path.read_text("utf-8").replace("/run/secrets/gateway", str(tmp_path)))
    settings = load(tmp_path, here)
    (heart,) = {
        found[1]
        for pod in pods()
        for command in pod["containers"][0].get("livenessProbe", {}).get("exec", {}).values()
        if (found := re.search(r'"(/tmp/.*)"', command[2]))
    }
    assert settings.reporting.metrics_file == heart


def test_the_image_is_built_of_what_is_named_only() -> None:
    ignored = (DEPLOY.parent / ".dockerignore").read_text("utf-8").splitlines()
    assert [line for line in ignored if line and line[0] not in "#!"] == ["*", "**/__pycache__"]
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    entry, words = (re.search(rf"\n{key} (\[.*\])", text) for key in ("ENTRYPOINT", "CMD"))
    assert entry
    assert words
    assert yaml.safe_load(entry[1]) == [PYTHON, "/app/ingestion.py"]
    says(yaml.safe_load(words[1]))
    assert "USER 10001:10001" in text


def test_the_dockerfile_is_taken_by_its_linter() -> None:
    accepted(tool("hadolint"), str(DEPLOY / "Dockerfile"))


def test_compose_takes_its_file_and_the_program_what_is_in_it(tmp_path: Path) -> None:
    (said,) = documents(DEPLOY / "compose.yaml")
    path = tmp_path / "gateway.toml"
    path.write_text(said["configs"]["gateway"]["content"])
    assert load(tmp_path, path).receiver.titles
    for name in ("gateway", "receiver"):
        service = said["services"][name]
        assert service["read_only"]
        assert service["user"] == "10001:10001"
        says(service["command"])
        says(service["healthcheck"]["test"][3:])
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    program = tool("docker-compose")
    accepted(program, "-f", str(DEPLOY / "compose.yaml"), "config", "--quiet")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Give the root of a machine that has our units, and what they start."""
    units = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(SYSTEMD, units)
    (tmp_path / "usr" / "lib" / "systemd").mkdir(parents=True)
    shutil.copytree("/usr/lib/systemd/system", tmp_path / "usr/lib/systemd/system", symlinks=True)
    for name in {line.split()[0] for unit in UNITS for line in started(unit)}:
        program = tmp_path / name.removeprefix("/")
        program.parent.mkdir(parents=True, exist_ok=True)
        program.touch(0o755)
    return tmp_path


def started(unit: str) -> list[str]:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.read(SYSTEMD / unit)
    command = parser.get("Service", "ExecStart", fallback="")
    return [command] if command else []


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_each_unit_and_finds_it_closed(unit: str, request: Any) -> None:  # noqa: ANN401
    for line in started(unit):
        says(shlex.split(line)[2:])
    program = (tool("systemd-analyze"), f"--root={request.getfixturevalue('machine')}")
    assert accepted(*program, "--man=no", "verify", unit) == ""
    if unit.endswith(".service"):
        threshold = f"--threshold={MOST_EXPOSED}"
        accepted(*program, "--offline=true", threshold, "security", "--no-pager", unit)


def test_a_unit_that_was_stopped_has_not_failed() -> None:
    # systemd takes the death by SIGTERM for clean, but not the status that says the same.
    closed = (SYSTEMD / "gateway-.service.d" / "hardening.conf").read_text("utf-8")
    assert f"SuccessExitStatus={Ending(signal.SIGTERM).status}\n" in closed


def test_cron_starts_what_the_program_understands() -> None:
    lines = (DEPLOY / "cron" / "gateway.crontab").read_text("utf-8").splitlines()
    for line in (line for line in lines if not line.startswith("#")):
        says(line.split("ingestion.py", 1)[1].split(">>")[0].split())


def test_logrotate_takes_its_file(tmp_path: Path) -> None:
    text = (DEPLOY / "cron" / "gateway.logrotate").read_text("utf-8")
    # The account is made on the gateway's machine only.
    path = tmp_path / "gateway"
    path.write_text(re.sub(r"\bgateway adm\b", "root root", text))
    accepted(tool("logrotate"), "--debug", "--state", str(tmp_path / "state"), str(path))
