"""days off, and public holidays that are kept"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_2205"
down_revision = "20261122_2150"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "absence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("technician_id", sa.Integer(), nullable=True),
        sa.Column("from_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("until_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("all_day", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("recurrence", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("taken_back_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("taken_back_by", sa.String(), nullable=True),
        sa.CheckConstraint("from_at < until_at", name=op.f("ck_absence_time")),
        sa.CheckConstraint("source IN ('entered', 'ical')", name=op.f("ck_absence_source")),
        sa.ForeignKeyConstraint(["technician_id"], ["technician.id"], name=op.f("fk_absence_technician_id_technician")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index("ix_absence_technician", "absence", ["technician_id", "until_at"])
    # Who took bookings on public holidays until now goes on doing so.
    op.add_column("company", sa.Column("holidays_of", sa.String(), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("company") as company:
        company.drop_column("holidays_of")
    op.drop_table("absence")
