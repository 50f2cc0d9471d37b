"""at which of its channels a notice is, so that a full lane hides no other"""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "20261122_1930"
down_revision = "20261122_1920"
branch_labels = None
depends_on = None

WAITING = sa.text("state IN ('due', 'sending')")


def upgrade() -> None:
    """Go forward."""
    op.add_column("notice", sa.Column("channel", sa.String(), nullable=True))
    connection = op.get_bind()
    rows = connection.execute(
        sa.text("SELECT id, channels, channel_index FROM notice WHERE state IN ('due', 'sending', 'sent')")
    ).all()
    for id_, channels, index in rows:
        names = json.loads(channels) if isinstance(channels, str) else channels
        if index < len(names):
            connection.execute(
                sa.text("UPDATE notice SET channel = :name WHERE id = :id"), {"name": names[index], "id": id_}
            )
    op.drop_index("ix_notice_waiting", "notice")
    op.create_index(
        "ix_notice_waiting", "notice", ["channel", "next_attempt_at"], sqlite_where=WAITING, postgresql_where=WAITING
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_notice_waiting", "notice")
    op.create_index("ix_notice_waiting", "notice", ["next_attempt_at"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.drop_column("notice", "channel")
