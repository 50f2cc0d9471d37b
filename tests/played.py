"""A day log played whole, its notices written as `replay --notices` writes them."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import TextIO

from app.models import Notice
from app.replay import Replay, notice_line, read_day_log


def replay_day(path: Path, out: TextIO) -> Replay:
    """Replay a day log and write its notices as JSON Lines. Raises DayLogError."""
    replay = Replay.open()

    def told(notice: Notice) -> None:
        line = notice_line(notice, replay.names[notice.visit_id], replay.zone or UTC)
        print(json.dumps(line, ensure_ascii=False), file=out)

    replay.play(read_day_log(path), told)
    return replay
