"""Where may this process die? At named points around every write and every call, at which a test can have it killed.

The names stand where they are passed and nowhere else; `tests/crash` finds them by reading the code.
`MAMONAKU_CRASH_AT=settle.written:3` kills the process, without a word, the third time it comes by. Otherwise nothing
happens here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from sqlalchemy.orm import Session

from app.db import Database

_AT, _, _TIME = os.environ.get("MAMONAKU_CRASH_AT", "").partition(":")
_passes = count(1)


def point(name: str) -> None:
    """Die here, if a test wants that."""
    if _AT and name == _AT and next(_passes) == int(_TIME or 1):
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def writing(db: Database, label: str) -> Iterator[Session]:
    """Open one transaction of which a test may see the process die before, inside just before its commit, and after."""
    point(f"{label}.before")
    with db.write() as session:
        yield session
        session.flush()
        point(f"{label}.written")
    point(f"{label}.committed")


@contextmanager
def calling(label: str) -> Iterator[None]:
    """Mark a call to a provider: a test may see the process die before it, or when it was made and not noted."""
    point(f"{label}.before")
    yield
    point(f"{label}.made")
