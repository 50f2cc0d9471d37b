"""Tick until told to stop: `python -m jobs`, or `mamonaku jobs`."""

from __future__ import annotations

import signal
import threading

from app import join
from app.config import read_settings
from app.parts import Parts
from jobs.schedule import start


def run(parts: Parts) -> None:
    """Tick until SIGTERM or Ctrl-C."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    jobs = start(parts)
    stopping.wait()
    jobs.stop()


if __name__ == "__main__":
    run(join(read_settings()))
