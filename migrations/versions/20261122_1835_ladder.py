"""by when a notice must be confirmed, and one kind of alarm for a call that a customer needs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_1835"
down_revision = "20261122_1820"
branch_labels = None
depends_on = None

WATCHED = sa.text("watch_at IS NOT NULL")


def upgrade() -> None:
    """Go forward; where both kinds of alarm stand for a visit, the older one goes."""
    op.add_column("notice", sa.Column("call_at", app.db.UTCDateTime(timezone=True), nullable=True))
    op.add_column("notice", sa.Column("watch_at", app.db.UTCDateTime(timezone=True), nullable=True))
    op.create_index("ix_notice_watched", "notice", ["watch_at"], sqlite_where=WATCHED, postgresql_where=WATCHED)
    op.execute(
        "UPDATE alarm SET cleared_at = raised_at, cleared_by = 'system' WHERE kind = 'notice_unknown'"
        " AND cleared_at IS NULL AND subject IN"
        " (SELECT other.subject FROM alarm other WHERE other.kind = 'notice_failed' AND other.cleared_at IS NULL)"
    )
    op.execute("UPDATE alarm SET kind = 'call_customer' WHERE kind IN ('notice_failed', 'notice_unknown')")


def downgrade() -> None:
    """Go back."""
    op.execute("UPDATE alarm SET kind = 'notice_failed' WHERE kind = 'call_customer'")
    op.drop_index("ix_notice_watched", "notice")
    op.drop_column("notice", "watch_at")
    op.drop_column("notice", "call_at")
