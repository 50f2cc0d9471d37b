"""what we write that is about no visit, and who is at the desk"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_2150"
down_revision = "20261122_2147"
branch_labels = None
depends_on = None

_WAITING = sa.text("state IN ('due', 'sending')")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "letter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("customer_id", sa.Integer(), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("short", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("claim_token", sa.String(), nullable=True),
        sa.Column("began_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("expires_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("sent_at", app.db.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('due', 'sending', 'sent', 'delivered', 'failed', 'unknown')", name=op.f("ck_letter_state")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_letter_customer_id_customer")),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name=op.f("fk_letter_user_id_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_letter_dedupe_key")),
    )
    op.create_index("ix_letter_about", "letter", ["about"])
    op.create_index(op.f("ix_letter_customer_id"), "letter", ["customer_id"])
    op.create_index(op.f("ix_letter_provider_id"), "letter", ["provider_id"])
    op.create_index(
        "ix_letter_waiting", "letter", ["next_attempt_at"], sqlite_where=_WAITING, postgresql_where=_WAITING
    )
    with op.batch_alter_table("sign_in") as sign_in:
        sign_in.add_column(sa.Column("seen_at", app.db.UTCDateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("sign_in") as sign_in:
        sign_in.drop_column("seen_at")
    op.drop_table("letter")
