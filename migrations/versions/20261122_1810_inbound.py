"""what customers write to us"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_1810"
down_revision = "20261122_1755"
branch_labels = None
depends_on = None

#: What came in stays as it came, until it is forgotten: its words and its sender may become empty, and nothing else.
CHANGED = (
    "NEW.channel <> OLD.channel OR NEW.provider_id <> OLD.provider_id OR NEW.received_at <> OLD.received_at"
    " OR (NEW.words IS NOT NULL AND (OLD.words IS NULL OR NEW.words <> OLD.words))"
    " OR (NEW.sender <> '' AND NEW.sender <> OLD.sender)"
)


def _guard() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER inbound_kept BEFORE UPDATE ON inbound FOR EACH ROW WHEN ({CHANGED})"
            " EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            "CREATE TRIGGER inbound_no_delete BEFORE DELETE ON inbound FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    refuse = "BEGIN SELECT RAISE(ABORT, 'evidence is only added to: inbound'); END"
    op.execute(f"CREATE TRIGGER inbound_kept BEFORE UPDATE ON inbound WHEN {CHANGED} {refuse}")
    op.execute(f"CREATE TRIGGER inbound_no_delete BEFORE DELETE ON inbound {refuse}")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "inbound",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=True),
        sa.Column("provider_id", sa.String(), nullable=False),
        sa.Column("received_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("notice_id", sa.Integer(), nullable=True),
        sa.Column("visit_id", sa.Integer(), nullable=True),
        sa.Column("understood", sa.String(), nullable=True),
        sa.Column("handled_by", sa.String(), nullable=True),
        sa.Column("handled_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('sms', 'line', 'email', 'page')", name=op.f("ck_inbound_channel")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_inbound_customer_id_customer")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_inbound_notice_id_notice")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_inbound_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound")),
        sa.UniqueConstraint("channel", "provider_id", name=op.f("uq_inbound_channel_provider_id")),
    )
    op.create_index("ix_inbound_customer", "inbound", ["customer_id", "received_at"], unique=False)
    op.create_index("ix_inbound_sender", "inbound", ["channel", "sender"], unique=False)
    op.create_index(op.f("ix_inbound_visit_id"), "inbound", ["visit_id"], unique=False)
    op.create_index(
        "ix_inbound_unread",
        "inbound",
        ["received_at"],
        unique=False,
        sqlite_where=sa.text("handled_at IS NULL"),
        postgresql_where=sa.text("handled_at IS NULL"),
    )
    _guard()


def downgrade() -> None:
    """Go back."""
    op.drop_table("inbound")
