"""technicians' visits for calendar programs, and their own calendars that are read"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0040"
down_revision = "20261123_0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("technician", sa.Column("calendar_token", sa.String(), nullable=True))
    op.add_column(
        "technician", sa.Column("calendar_names", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    op.create_index("ix_technician_calendar", "technician", ["calendar_token"], unique=True)
    op.create_table(
        "calendar_subscription",
        sa.Column("technician_id", sa.Integer(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("next_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("claim_token", sa.String(), nullable=True),
        sa.Column("etag", sa.String(), nullable=True),
        sa.Column("content_hash", sa.String(), nullable=True),
        sa.Column("until_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("read_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("busy_count", sa.Integer(), nullable=False),
        sa.Column("failing_since_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["technician_id"], ["technician.id"], name=op.f("fk_calendar_subscription_technician_id_technician")
        ),
        sa.PrimaryKeyConstraint("technician_id", name=op.f("pk_calendar_subscription")),
    )
    op.create_index("ix_calendar_subscription_next", "calendar_subscription", ["next_at"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("calendar_subscription")
    op.drop_index("ix_technician_calendar", "technician")
    op.drop_column("technician", "calendar_names")
    op.drop_column("technician", "calendar_token")
