"""What do several commands share? Settings, the joined parts, and files that are whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from app import join
from app.config import Settings, read_settings
from app.db import sqlite_warning, upgrade
from app.parts import Parts


def known_settings() -> Settings:
    """Read the settings, with a word of warning where the database needs one."""
    known = read_settings()
    warning = sqlite_warning() if known.database.startswith("sqlite") else None
    if warning:
        click.echo(f"warning: {warning}", err=True)
    return known


@contextmanager
def joined() -> Iterator[Parts]:
    """Join the parts for one command, over an up-to-date database."""
    parts = join(known_settings())
    try:
        upgrade(parts.db)
        yield parts
    finally:
        parts.db.close()


class OutFile(click.Path):
    """A file to write: that its folder is missing is said before the work, not when there is something to lose."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path. Raises BadParameter."""
        file = Path(str(super().convert(value, param, ctx)))
        if not file.parent.is_dir():
            self.fail(f"there is no folder {str(file.parent)!r}.", param, ctx)
        return file


def write_whole(file: Path, text: str) -> None:
    """Write a file under another name until it is whole: a stopped command leaves no half result.

    What is no file (`/dev/null`, `/dev/stdout`, a pipe) is written to, and never replaced by one.
    """
    if file.exists() and not file.is_file():
        file.write_text(text, encoding="utf-8")
        return
    draft = file.with_name(f".{file.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
