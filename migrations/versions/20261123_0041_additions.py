"""what customers add to their visits: words, photos, another telephone"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0041"
down_revision = "20261123_0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "customer_note",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("written_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("client_key", sa.String(), nullable=False),
        sa.CheckConstraint("about IN ('visit', 'cancel')", name=op.f("ck_customer_note_about")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_customer_note_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_note")),
        sa.UniqueConstraint("visit_id", "client_key", name=op.f("uq_customer_note_visit_id_client_key")),
    )
    op.create_table(
        "customer_photo",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("added_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_customer_photo_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_photo")),
        sa.UniqueConstraint("visit_id", "digest", name=op.f("uq_customer_photo_visit_id_digest")),
    )
    op.create_table(
        "other_phone",
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("is_mobile", sa.Boolean(), nullable=False),
        sa.Column("given_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_other_phone_visit_id_visit")),
        sa.PrimaryKeyConstraint("visit_id", name=op.f("pk_other_phone")),
    )


def downgrade() -> None:
    """Go back."""
    for table in ("other_phone", "customer_photo", "customer_note"):
        op.drop_table(table)
