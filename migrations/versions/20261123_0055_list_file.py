"""lists that were sent to be taken in"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0055"
down_revision = "20261123_0050"
branch_labels = None
depends_on = None

_WISHED = sa.text("state IN ('trying', 'taking')")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "list_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("finished_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("added", sa.Integer(), nullable=False),
        sa.Column("known", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.CheckConstraint("kind IN ('customers', 'visits')", name=op.f("ck_list_file_kind")),
        sa.CheckConstraint(
            "state IN ('trying', 'tried', 'taking', 'taken', 'failed')", name=op.f("ck_list_file_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_list_file")),
    )
    op.create_index("ix_list_file_wished", "list_file", ["id"], sqlite_where=_WISHED, postgresql_where=_WISHED)


def downgrade() -> None:
    """Go back."""
    op.drop_table("list_file")
