"""A backend of our own, on loopback: for trying the gateway, and for testing it."""

from img_ingestion.backend.misbehaviour import Misbehaviour
from img_ingestion.backend.server import EmbeddedBackend

__all__ = ["EmbeddedBackend", "Misbehaviour"]
