"""times kept free for a customer who is still thinking"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_2140"
down_revision = "20261122_2055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "hold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("technician_id", sa.Integer(), nullable=False),
        sa.Column("from_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("until_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("lat", sa.Double(), nullable=True),
        sa.Column("lon", sa.Double(), nullable=True),
        sa.Column("held_by", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("expires_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("from_at < until_at", name=op.f("ck_hold_time")),
        sa.ForeignKeyConstraint(["technician_id"], ["technician.id"], name=op.f("fk_hold_technician_id_technician")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("token", name=op.f("uq_hold_token")),
    )
    op.create_index("ix_hold_technician", "hold", ["technician_id", "expires_at"])


def downgrade() -> None:
    """Go back."""
    op.drop_table("hold")
