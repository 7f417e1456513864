"""
The review page's server: loopback only, behind a one-time token; the wall around Werkzeug.

Nothing is loaded from elsewhere, nothing is cached, and no other site can ask in the reviewer's
name: the session's cookie is strict, the host must be ours, and a decision has to come from here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.serving import WSGIRequestHandler
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from img_ingestion import render
from img_ingestion.errors import GatewayError, InstanceError
from img_ingestion.review import device, device_page, review_pages
from img_ingestion.review.html import STYLE
from img_ingestion.review.look_page import Look
from img_ingestion.settings import Rendering

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment

    from img_ingestion.review.desk import Desk
    from img_ingestion.review.overview import Held

COOKIE = "review"
LATER = "left for the next pass"
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; img-src data:; style-src 'sha256-{_STYLE_HASH}'; script-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With `no-referrer` a browser says `Origin: null` of our own forms.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ROUTES = Map(
    [
        Rule("/", endpoint="inbox", methods=["GET"]),
        Rule("/review.js", endpoint="script", methods=["GET"]),
        Rule("/held/<one>", endpoint="look", methods=["GET"]),
        Rule("/device/<one>", endpoint="device", methods=["GET"]),
        Rule(
            "/held/<one>/<any(again,accept,hide,reject):what>", endpoint="decide", methods=["POST"]
        ),
        Rule("/device/<one>/rule", endpoint="rule", methods=["POST"]),
    ]
)


class Asked(WSGIRequestHandler):
    """A connection: one that says nothing is not waited for, and none is written about."""

    timeout = 5.0
    """Seconds. Browsers open connections before they need them."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002 (werkzeug's name)
        """Keep addresses, which have the token in them, off the terminal."""


@dataclass(slots=True)
class Site:
    """The pages of one review, for one reviewer."""

    desk: Desk
    host: str
    """`127.0.0.1:PORT`; a request for any other name is refused."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    """Good once: it is exchanged for the session's cookie."""
    session: str = field(default="", repr=False)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        request = Request(environ)
        request.max_content_length = 1 << 16
        answer = self._admitted(request)
        answer.headers.update(HEADERS)
        return answer(environ, start)

    def _admitted(self, request: Request) -> Response:
        """Answer who has the cookie; give it, once, to who has the token."""
        if request.headers.get("Host") != self.host:
            return Response("not here", 421)
        given = request.args.get("token", "")
        if self.token and hmac.compare_digest(given.encode(), self.token.encode()):
            self.token, self.session = "", secrets.token_urlsafe(24)
            answer = redirect("/", 303)
            answer.set_cookie(COOKIE, self.session, httponly=True, samesite="Strict", path="/")
            return answer
        shown = request.cookies.get(COOKIE, "")
        if not self.session or not hmac.compare_digest(shown.encode(), self.session.encode()):
            return Response("start the review again: the link is good once", 403)
        if request.method == "POST" and request.headers.get("Origin") != f"http://{self.host}":
            return Response("not from here", 403)
        return self._answered(request)

    def _answered(self, request: Request) -> Response:
        try:
            name, words = ROUTES.bind_to_environ(request.environ).match()
            content = getattr(self, f"_{name}")(request, **words)
        except HTTPException as error:
            return Response(error.name, error.code)
        except GatewayError as error:
            return _page(review_pages.refusal(str(error)), 409)
        return content if isinstance(content, Response) else _page(content)

    def _inbox(self, request: Request) -> bytes:
        ones = [(one, self.desk.device(one)) for one in self.desk.inbox()]
        by = "device" if request.args.get("by") == "device" else "reason"
        said, first = request.args.get("said", "")[:200], _first(request)
        return review_pages.inbox(ones, by, said, first)

    def _script(self, _: Request) -> Response:
        content = Path(__file__).with_name("review.js").read_bytes()
        return Response(content, mimetype="text/javascript")

    def _look(self, request: Request, one: str) -> bytes:
        chosen = self._one(one)
        made = self.desk.device(chosen)
        frame = max(1, request.args.get("frame", 1, type=int))
        text = request.args.get("boxes", "")
        found = self.desk.tried(chosen, device.boxes(text), frame)
        before, frames = self._before(chosen, frame)
        look = Look(chosen, made, before, frame, frames, text, found, len(self.desk.brothers(made)))
        return look.page()

    def _before(self, one: Held, frame: int) -> tuple[bytes, int]:
        """Render a frame of the original, as far as it can be."""
        limits = self.desk.settings.of(one.customer).limits
        try:
            source = device.dataset(self.desk.home, one, limits)
            count = int(source.get("NumberOfFrames") or 1)
            for picture in render.pictures(source, Rendering(), limits):
                if picture.frame == frame:
                    return picture.png, count
        except InstanceError:
            return b"", 1
        return b"", 1

    def _device(self, request: Request, one: str) -> bytes:
        chosen, text = self._one(one), request.args.get("boxes", "")
        drawn, first = device.boxes(text), _first(request)
        brothers = self.desk.brothers(self.desk.device(chosen))
        some = brothers[first : first + device_page.AT_ONCE]
        tried = [(each, self.desk.tried(each, drawn)) for each in some]
        made = self.desk.device(chosen)
        return device_page.Tried(chosen, made, text, tried, first, len(brothers)).page()

    def _decide(self, request: Request, one: str, what: str) -> Response:
        chosen = self._one(one)
        if what == "reject":
            self.desk.reject(chosen)
            return _back("1 rejected")
        if what == "hide":
            taken = self.desk.hide(chosen, device.boxes(request.form.get("boxes", "")))
        else:
            taken = self.desk.accept(chosen) if what == "accept" else self.desk.again(chosen)
        return _back(_said([each.outcome for each in taken]))

    def _rule(self, request: Request, one: str) -> Response:
        made = self.desk.device(self._one(one))
        count = len(self.desk.brothers(made))
        taken = self.desk.rule(made, device.boxes(request.form.get("boxes", "")))
        later = [LATER] * (count - len(taken))
        return _back(_said([each.outcome for each in taken] + later))

    def _one(self, one: str) -> Held:
        for each in self.desk.inbox():
            if each.id == one:
                return each
        raise NotFound


def _first(request: Request) -> int:
    """Give the number, from 0, of the first image that a page is to show."""
    return max(0, request.args.get("first", 0, type=int))


def _page(content: bytes, status: int = 200) -> Response:
    return Response(content, status, mimetype="text/html")


def _back(said: str) -> Response:
    return redirect(f"/?said={said.replace(' ', '+')}", 303)


def _said(outcomes: list[str]) -> str:
    return ", ".join(f"{outcomes.count(one)} {one}" for one in dict.fromkeys(outcomes))
