"""img_ingestion: the gateway between a hospital's imaging and an AI vendor's backend."""

__version__ = "0.1.0"
