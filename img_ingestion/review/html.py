"""Pages: elements, escaped by the standard library; no script and nothing from elsewhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring

Child = Element | str | Iterable["Child"] | None

STYLE = """
:root { color-scheme: dark; }
body { background: #111; color: #ddd; font: 15px/1.45 system-ui, sans-serif; margin: 1.5rem; }
a { color: #8cf; } h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem .2rem 0; text-align: left;
  vertical-align: top; border-bottom: 1px solid #333; } th { color: #999; font-weight: normal; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
img, svg { background: #000; max-width: 100%; } .sheet img { width: 128px; margin: 2px; }
.held { color: #fb6; } .fine { color: #8d8; } .dim { color: #888; }
button, input { font: inherit; background: #222; color: #ddd; border: 1px solid #666;
  padding: .35rem .8rem; } button:focus, a:focus, input:focus { outline: 3px solid #fc6; }
.stage { position: relative; display: inline-block; } .stage img { display: block; }
#drawn { position: absolute; inset: 0; width: 100%; height: 100%; background: none;
  cursor: crosshair; touch-action: none; } #drawn rect { fill: #f406; stroke: #fc6; }
.regions { position: absolute; inset: 0; width: 100%; height: 100%; background: none; }
.regions rect { fill: none; stroke-width: 1.5px; vector-effect: non-scaling-stroke; }
.regions .rule { stroke: #fb6; fill: #fb6; } .regions .text { stroke: #f7a; fill: #f7a; }
.regions .kept { stroke: #8d8; fill: #8d8; } .regions text { stroke: none; }
form { display: inline-block; margin: 0 .8rem .8rem 0; }
.pair { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; }
"""


def element(name: str, /, *children: Child, **attributes: str | float) -> Element:
    """
    Make an element.

    Parameters
    ----------
    name : str
        Of the element.
    *children
        Elements and texts, also nested in iterables; None is left out.
    **attributes
        A trailing underscore is dropped, another becomes a hyphen: `class_`, `stroke_width`.

    """
    plain = {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()}
    made = Element(name, plain)
    _fill(made, children)
    return made


def table(heads: Iterable[str], rows: Iterable[Iterable[Child]]) -> Element:
    """Make a table."""
    return element(
        "table",
        element("thead", element("tr", [element("th", head) for head in heads])),
        element("tbody", [element("tr", [element("td", cell) for cell in row]) for row in rows]),
    )


def picture(png: bytes, says: str) -> Element:
    """Give a PNG as an image that carries its own bytes."""
    return element("img", src=f"data:image/png;base64,{base64.b64encode(png).decode()}", alt=says)


def page(title: str, *body: Child, script: str = "") -> bytes:
    """Write a whole page; `script` is the address of its one script."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", title),
        element("style", STYLE),
    )
    if script:
        head.append(element("script", src=script, defer="defer"))
    whole = element("html", head, element("body", element("h1", title), *body), lang="en")
    written: bytes = tostring(whole, encoding="utf-8", method="html")
    return b"<!DOCTYPE html>\n" + written + b"\n"


def _fill(parent: Element, children: Iterable[Child]) -> None:
    for child in children:
        if isinstance(child, Element):
            parent.append(child)
        elif isinstance(child, str):
            if len(parent):
                parent[-1].tail = (parent[-1].tail or "") + child
            else:
                parent.text = (parent.text or "") + child
        elif child is not None:
            _fill(parent, child)
