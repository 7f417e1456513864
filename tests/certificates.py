"""Certificates for servers and clients on loopback, made by openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

NEW = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=here"


def made(folder: Path) -> Path:
    """Make `right`, `elsewhere` (another host), `over` (expired) and `ours` (a client's)."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make certificates with")
    names = {"right": "IP:127.0.0.1,DNS:localhost", "elsewhere": "DNS:example.org", "ours": "DNS:o"}
    for name, alternative in names.items():
        _openssl(
            folder,
            *NEW.split(),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
            *("-addext", f"subjectAltName={alternative}"),
        )
    shutil.copy(folder / "right.key", folder / "over.key")
    _openssl(
        folder,
        *["x509", "-in", "right.pem", "-signkey", "over.key", "-days", "-1", "-out", "over.pem"],
    )
    return folder


def issued(folder: Path, *names: str) -> Path:
    """Make an authority, `authority.pem`, and certificates of it for this machine."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make certificates with")
    authority = ("-keyout", "authority.key", "-out", "authority.pem")
    _openssl(folder, *NEW.split(), *authority, "-addext", "keyUsage=critical,keyCertSign")
    by = ("-CA", "authority.pem", "-CAkey", "authority.key")
    more = ("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
    leaf = ("-addext", "basicConstraints=critical,CA:FALSE")
    for name in names:
        files = ("-keyout", f"{name}.key", "-out", f"{name}.pem")
        _openssl(folder, *NEW.split(), *by, *files, *more, *leaf)
    return folder


def server(folder: Path, name: str, *, trusting: str = "") -> ssl.SSLContext:
    """Give the context of a server; with `trusting` it wants that client certificate."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    if trusting:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(folder / f"{trusting}.pem")
    return tls


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
