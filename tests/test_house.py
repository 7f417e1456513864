"""The plan of the house, as docs/architecture.md has it, is a test."""

from __future__ import annotations

import ast
import re
import socket
import warnings
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "img_ingestion"
MODULES = sorted(PACKAGE.rglob("*.py"))

WALLS = {
    "deid": {"deidentify/recipe.py"},
    "requests": {"destinations/http_session.py"},
    "cv2": {"render/opencv.py", "deidentify/pixels/text/raster.py"},
    "isal": {"render/png_file.py"},
    "onnxruntime": {"deidentify/pixels/text/models.py"},
    "openapi_core": {"contract_faults.py"},
    "yaml": {"contract_file.py"},
    "boto3": {"bucket.py"},
    "distributed": {"cluster.py"},
    "botocore": {"bucket.py"},
    "pynetdicom": {
        "destinations/store.py",
        "receiver/__init__.py",
        "receiver/doorway.py",
    },
    "sqlite3": {"ledger/schema.py", "vault.py"},
    "psycopg": {"ledger/postgres.py"},
    "pydantic_settings": {"environment.py"},
    "werkzeug": {"review/site.py", "commands/review.py"},
    "pyrage": {"sealing.py"},
    "tqdm": {"cli.py"},
    "PIL": {"backend/pictures.py", "review/thumbnail.py"},
}
"""Foreign code, and the only rooms that know it."""

STAGES = {
    "deidentify",
    "destinations",
    "ledger",
    "part10",
    "payload",
    "pixel_data",
    "render",
    "shelves",
    "sources",
    "vault",
}
GROUND = {"part10", "pixel_data"}
"""What a stage may stand on: reading and writing instances and frames."""
COMPOSERS = {
    "batches",
    "bench",
    "cli",
    "cluster",
    "commands",
    "deciding",
    "entering",
    "far",
    "gathering",
    "ingest",
    "making",
    "outputs",
    "review",
    "originals",
    "rebuild",
    "reconcile",
    "reidentify",
    "retention",
    "transfer",
    "four_steps",
    "manual_scrub",
    "wishes",
    "turns",
}
"""
`bench`, `deciding`, `entering`, `gathering`, `making`, `cluster`, `far` and `outputs` belong to
`ingest`, `batches` to `transfer`; the last two are the developer's doors.
"""
OVERSEERS = {
    "cluster",
    "deciding",
    "far",
    "ingest",
    "making",
    "rebuild",
    "reidentify",
    "retention",
    "transfer",
}
DOORS = {"cli", "commands", "options", "review", "four_steps", "manual_scrub", "wishes"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room_of(module: str) -> str:
    """Give the room below img_ingestion, "" for the package itself."""
    return f"{module}.".split(".")[1]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def imported(path: Path) -> Iterator[str]:
    """Give what a module imports when it runs: not what only its types need."""
    todo: list[ast.AST] = [tree(path)]
    while todo:
        for node in ast.iter_child_nodes(todo.pop()):
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                continue
            if isinstance(node, ast.Import):
                yield from (one.name for one in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (f"{node.module}.{one.name}" for one in node.names)
            todo.append(node)


def arrows() -> dict[str, set[str]]:
    """Give, for each module of ours, the modules of ours that it imports."""
    names = {name_of(path) for path in MODULES}
    graph: dict[str, set[str]] = {name: set() for name in names}
    for path in MODULES:
        for one in imported(path):
            found = one if one in names else one.rpartition(".")[0]
            if found in names - {name_of(path), "img_ingestion"}:
                graph[name_of(path)].add(found)
    return graph


@pytest.mark.parametrize(("package", "rooms"), WALLS.items())
def test_foreign_code_stays_behind_its_wall(package: str, rooms: set[str]) -> None:
    users = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if package in {name.split(".")[0] for name in imported(path)}
    }
    assert users == rooms


def test_no_import_goes_round_in_a_circle() -> None:
    order = list(TopologicalSorter(arrows()).static_order())
    assert len(order) == len(MODULES)


def test_no_stage_calls_another() -> None:
    calls = {
        (module, target)
        for module, targets in arrows().items()
        for target in targets
        if room_of(module) not in COMPOSERS
        and room_of(target) in STAGES - GROUND
        and room_of(module) != room_of(target)
    }
    assert calls == set()


def test_nothing_stands_on_those_who_compose() -> None:
    users = {
        (module, target)
        for module, targets in arrows().items()
        for target in targets
        if room_of(target) in COMPOSERS and room_of(module) not in DOORS | OVERSEERS
    }
    assert users == set()


def test_only_deidentify_makes_a_clean_instance() -> None:
    makers = {
        str(path.relative_to(ROOT))
        for path in [*MODULES, *ROOT.glob("*.py"), *ROOT.glob("tools/*.py")]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("CleanInstance")
    }
    assert makers == {"img_ingestion/deidentify/__init__.py"}


def test_only_the_doors_print() -> None:
    printers = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    }
    assert printers == {"cli.py", "backend/__main__.py"}


def test_only_the_doors_end_the_process() -> None:
    enders = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Call) and ast.unparse(node.func) in {"sys.exit", "os._exit"})
        or (isinstance(node, ast.Raise) and node.exc and "SystemExit" in ast.unparse(node.exc))
    }
    assert enders <= {"apart.py", "backend/__main__.py", "interpreter.py"}


def test_nothing_is_caught_blindly_but_by_the_translators() -> None:
    catchers = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or re.search(r"\b(Base)?Exception\b", ast.unparse(node.type)))
        # Cleaning up on the way out is no catching.
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    }
    # deid ends the whole process at a fault; its wall turns that into a SettingsError.
    assert catchers <= {"errors.py", "cli.py", "deidentify/recipe.py"}


def test_nothing_is_global() -> None:
    assert not [
        name_of(path)
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Global | ast.Nonlocal)
    ]


def test_files_are_named_after_what_they_are() -> None:
    vague = re.compile(r"utils?|helpers?|manager|misc|common|process_data")
    assert not [path for path in MODULES if vague.search(path.stem)]


def test_the_plan_names_every_room() -> None:
    plan = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    folders = {f"{path.parent.name}/" for path in MODULES if path.name == "__init__.py"}
    rooms = folders | {path.name for path in PACKAGE.glob("[!_]*.py")}
    named = set(re.findall(r"\w+(?:\.py|/)", plan))
    assert rooms <= named
    assert {name for name in named if name.endswith(".py")} <= {
        path.name for folder in ("img_ingestion", "tests") for path in (ROOT / folder).rglob("*.py")
    } | {"ingestion.py", "filetransfer.py"}


def test_every_module_says_its_idea_first() -> None:
    assert not [name_of(path) for path in MODULES if not ast.get_docstring(tree(path))]


@pytest.mark.filterwarnings("default")
def test_modules_stay_short() -> None:
    lengths = {name_of(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    for name, length in lengths.items():
        if length > 200:
            warnings.warn(f"{name} has {length} lines: is it one idea?", stacklevel=1)
    assert max(lengths.values()) <= 300


def test_the_version_stands_in_one_place() -> None:
    said = (PACKAGE / "__init__.py").read_text("utf-8")
    assert len(re.findall(r'__version__ = "\d+\.\d+\.\d+"', said)) == 1
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text("utf-8")


def test_everything_that_runs_is_pinned() -> None:
    for name in (
        "requirements.txt",
        "requirements-dev.txt",
        "requirements-dicom.txt",
        "requirements-s3.txt",
        "requirements-postgres.txt",
        "requirements-archive.txt",
    ):
        lines = (ROOT / name).read_text("utf-8").splitlines()
        stated = [line.split("#")[0].strip() for line in lines]
        wanted = [line for line in stated if line and not line.startswith("-r ")]
        assert wanted
        assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9A-Za-z.]*", line) for line in wanted)


def test_what_is_pinned_by_its_digest_is_what_is_pinned() -> None:
    lines = {
        name: (ROOT / name).read_text("utf-8").splitlines()
        for name in ("requirements.txt", "requirements-hashed.txt")
    }
    pins = {
        name: {
            re.sub(r"[-_.]+", "-", line.split("#")[0].split(" --hash")[0].strip()).lower()
            for line in stated
            if "==" in line
        }
        for name, stated in lines.items()
    }
    assert pins["requirements.txt"] == pins["requirements-hashed.txt"]
    hashed = [line for line in lines["requirements-hashed.txt"] if "==" in line]
    assert all(re.search(r" --hash=sha256:[0-9a-f]{64}$", line) for line in hashed)


def test_nothing_of_a_stranger_is_unpickled_or_evaluated() -> None:
    unsafe = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "xml", "zipfile", "yaml"}
    # Zip archives are opened where the settings ask for it; the review page only writes; the
    # contract is a file of our own, and read by the safe loader.
    rooms = {
        "zipfile": {"sources/zips.py"},
        "xml": {"review/html.py"},
        "yaml": {"contract_file.py"},
    }
    for path in MODULES:
        here = str(path.relative_to(PACKAGE))
        packages = {name.split(".")[0] for name in imported(path)}
        assert {one for one in packages & unsafe if here not in rooms.get(one, set())} == set(), (
            path
        )
        calls = {
            ast.unparse(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)
        }
        assert not calls & {"eval", "exec", "compile", "__import__", "os.system"}, path


def test_a_test_that_calls_another_host_is_refused() -> None:
    with pytest.raises(PermissionError, match="another host"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(PermissionError, match="another host"):
        socket.getaddrinfo("example.org", 443)


def test_a_test_that_writes_to_the_real_home_is_refused() -> None:
    if not HOME.is_dir() or ROOT.is_relative_to(HOME):
        pytest.skip("the real home cannot be told from the project's here")
    with pytest.raises(PermissionError, match="real home"):
        (HOME / "written-by-a-test").write_text("")
