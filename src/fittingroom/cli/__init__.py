"""The command line: one small file per command, no logic of its own."""

from .main import main

__all__ = ["main"]
