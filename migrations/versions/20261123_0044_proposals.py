"""questions to customers whether another appointment suits them"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0044"
down_revision = "20261123_0041"
branch_labels = None
depends_on = None

_OPEN = sa.text("answer IS NULL")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "proposal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("made_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("former_from_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("former_until_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("from_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("until_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("steps", sa.JSON(), nullable=False),
        sa.Column("hold", sa.String(), nullable=True),
        sa.Column("expires_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("answered_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.CheckConstraint("kind IN ('move', 'reschedule')", name=op.f("ck_proposal_kind")),
        sa.CheckConstraint(
            "answer IS NULL OR answer IN ('accepted', 'kept', 'call', 'lapsed', 'withdrawn', 'gone')",
            name=op.f("ck_proposal_answer"),
        ),
        sa.CheckConstraint("from_at <= until_at", name=op.f("ck_proposal_window")),
        sa.CheckConstraint(
            "(kind = 'move') = (from_at IS NOT NULL AND until_at IS NOT NULL)", name=op.f("ck_proposal_asked")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_proposal_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index("ix_proposal_visit", "proposal", ["visit_id"])
    op.create_index(
        "uq_proposal_open", "proposal", ["visit_id"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ix_proposal_due", "proposal", ["expires_at"], sqlite_where=_OPEN, postgresql_where=_OPEN)


def downgrade() -> None:
    """Go back."""
    op.drop_table("proposal")
