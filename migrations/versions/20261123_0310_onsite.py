"""work that is added on site, what was handed over for it, drawn signatures, payments in parts and paid back"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0310"
down_revision = "20261123_0130"
branch_labels = None
depends_on = None

_RECEIPT = sa.text("kind = 'receipt'")


def upgrade() -> None:
    """Go forward; columns are added without rebuilding a table, which would lose its triggers."""
    op.add_column("quote_answer", sa.Column("drawn", sa.String(), nullable=False, server_default=""))
    op.add_column("quote_answer", sa.Column("copy_way", sa.String(), nullable=False, server_default=""))
    op.add_column("payment", sa.Column("back", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("paper", sa.Column("payment_id", sa.Integer()))
    op.drop_index("uq_paper_receipt", "paper")
    op.create_index(
        "uq_paper_receipt", "paper", ["payment_id"], unique=True, sqlite_where=_RECEIPT, postgresql_where=_RECEIPT
    )
    op.create_table(
        "added_work",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("also", sa.JSON(), nullable=False),
        sa.Column("words", sa.JSON(), nullable=False),
        sa.Column("agreed_total", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("quote_id", sa.Integer()),
        sa.Column("client_key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_added_work_visit_id_visit")),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_added_work_quote_id_quote")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_added_work")),
        sa.UniqueConstraint("client_key", name=op.f("uq_added_work_client_key")),
    )
    op.create_index(op.f("ix_added_work_visit_id"), "added_work", ["visit_id"])
    op.create_table(
        "handover",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("quote_id", sa.Integer(), nullable=False),
        sa.Column("at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("way", sa.String(), nullable=False),
        sa.CheckConstraint("way IN ('paper', 'electronic')", name=op.f("ck_handover_way")),
        sa.ForeignKeyConstraint(["quote_id"], ["quote.id"], name=op.f("fk_handover_quote_id_quote")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_handover")),
        sa.UniqueConstraint("quote_id", "way", name="uq_handover_way"),
    )
    for table in ("added_work", "handover"):
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
    op.drop_table("handover")
    op.drop_table("added_work")
    op.drop_index("uq_paper_receipt", "paper")
    op.create_index(
        "uq_paper_receipt", "paper", ["about_id"], unique=True, sqlite_where=_RECEIPT, postgresql_where=_RECEIPT
    )
    op.drop_column("paper", "payment_id")
    op.drop_column("payment", "back")
    op.drop_column("quote_answer", "copy_way")
    op.drop_column("quote_answer", "drawn")
