"""Write `gateway.example.toml` from the settings themselves: every default, explained."""

from __future__ import annotations

import ast
import inspect
import json
import sys
import textwrap
from functools import cache
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pydantic import BaseModel, SecretStr

from img_ingestion.settings import Settings

HEAD = """\
# Settings of img_ingestion. Copy to gateway.toml in the home (the folder that holds local_dcm/).
# Every value below is the default: delete what you do not change. A wrong key or value stops
# the program at the door and names the line. Secrets do not belong in this file.
# Every key can also come from the environment: IMG_INGESTION_SECTION__KEY.
"""

TAIL = """
# One customer's own choices, over the ones above; the name is the folder's in local_dcm/.
# A customer with a server of its own does not inherit the token, or any other credential.
#
# [customers.north_clinic.pixels]
# policy = "rules"
#
# [customers.north_clinic.backend]
# url = "https://ai.example.org"
# token_file = "north_clinic.token"
"""


def example() -> str:
    """Give the whole text of the example."""
    plain, sections = [], []
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            sections.append(_section(name, default))
        elif name != "customers":
            plain.append(_key(name, _explained(Settings).get(name, ""), default))
    return "\n".join([HEAD, *plain, *sections]) + TAIL


def _section(name: str, section: BaseModel) -> str:
    """Write one table, with what it is for and every key it knows."""
    keys, deeper = [], []
    for key, field in type(section).model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            deeper.append(
                f"# {_explained(type(section))[key]}\n{_section(f'{name}.{key}', default)}"
            )
        else:
            keys.append(_key(key, _explained(type(section)).get(key, ""), default))
    return "\n".join([f"# {type(section).__doc__}\n[{name}]\n", *keys, *deeper])


@cache
def _explained(model: type[BaseModel]) -> dict[str, str]:
    """Give the words under each key; pydantic would read them from the source on every start."""
    said: dict[str, str] = {}
    for each in reversed(model.__mro__[: model.__mro__.index(BaseModel)]):
        (tree,) = ast.parse(inspect.getsource(each)).body
        assert isinstance(tree, ast.ClassDef)  # noqa: S101 - what a class' source is
        for key, words in pairwise(tree.body):
            match key, words:
                case ast.AnnAssign(ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                    said[name] = inspect.cleandoc(text)
    return said


def _key(name: str, description: str, default: object) -> str:
    """Write one key under its explanation; a secret is explained and not set."""
    lines = textwrap.wrap(description, 92, initial_indent="# ", subsequent_indent="# ")
    if isinstance(default, SecretStr):
        return "\n".join([*lines, f"# {name}: not in this file", ""])
    return "\n".join([*lines, f"{name} = {json.dumps(default)}", ""])


if __name__ == "__main__":
    (ROOT / "gateway.example.toml").write_text(example(), encoding="utf-8")
