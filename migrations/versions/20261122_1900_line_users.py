"""which LINE user is which customer"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_1900"
down_revision = "20261122_1835"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "line_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("expires_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_line_code_customer_id_customer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_code")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_line_code_code_hash")),
    )
    op.create_index(op.f("ix_line_code_customer_id"), "line_code", ["customer_id"])
    op.create_table(
        "line_call",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("line_id", sa.String(), nullable=False),
        sa.Column("happened_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("received_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("wrong_code", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_call")),
        sa.UniqueConstraint("event_id", name=op.f("uq_line_call_event_id")),
    )
    op.create_index("ix_line_call_user", "line_call", ["line_id", "happened_at"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("line_call")
    op.drop_table("line_code")
