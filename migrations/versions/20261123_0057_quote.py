"""quotes, and what customers answered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0057"
down_revision = "20261123_0055"
branch_labels = None
depends_on = None

_ACCEPTED = sa.text("answer = 'accepted'")


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "quote",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("job", sa.JSON(), nullable=False),
        sa.Column("book", sa.JSON(), nullable=False),
        sa.Column("book_code", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("after_hours", sa.Boolean(), nullable=False),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.Column("sign", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_quote_visit_id_visit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote")),
        sa.UniqueConstraint("token", name=op.f("uq_quote_token")),
    )
    op.create_index(op.f("ix_quote_visit_id"), "quote", ["visit_id"])
    op.create_table(
        "quote_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("quote_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("signature", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.CheckConstraint("answer IN ('accepted', 'declined')", name=op.f("ck_quote_answer_answer")),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_quote_answer_quote_id_quote")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quote_answer")),
    )
    op.create_index(op.f("ix_quote_answer_quote_id"), "quote_answer", ["quote_id"])
    op.create_index(
        "uq_quote_answer_accepted",
        "quote_answer",
        ["quote_id"],
        unique=True,
        sqlite_where=_ACCEPTED,
        postgresql_where=_ACCEPTED,
    )
    for table in ("quote", "quote_answer"):
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            )
            continue
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, 'evidence is only added to: {table}'); END"
            )


def downgrade() -> None:
    """Go back."""
    op.drop_table("quote_answer")
    op.drop_table("quote")
