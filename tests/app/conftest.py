"""The app as its own process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., str]]:
    """Start ``fittingroom app`` with these arguments; gives its address, and ends it with the module."""
    servers: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [sys.executable, "-c", "from fittingroom.cli import main; main()", "app", *arguments]
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"},
        )
        servers.append(server)
        url = f"http://127.0.0.1:{port}/"
        for _ in range(120):
            if server.poll() is not None:
                pytest.fail((server.stdout.read() if server.stdout else b"").decode()[-2000:])
            try:
                urllib.request.urlopen(url, timeout=1)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.5)
        return url

    yield start
    for server in servers:
        server.kill()
        server.wait()
