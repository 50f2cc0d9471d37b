"""incidents that concern many visits"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_1905"
down_revision = "20261122_1900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    at = app.db.UTCDateTime(timezone=True)
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("title_ja", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("opened_at", at, nullable=False),
        sa.Column("told_at", at, nullable=False),
        sa.Column("next_word_at", at, nullable=False),
        sa.Column("told_entry_id", sa.Integer(), nullable=False),
        sa.Column("closed_at", at, nullable=True),
        sa.Column("reported_at", at, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("token", name=op.f("uq_incident_token")),
    )
    op.create_index(
        "ix_incident_open",
        "incident",
        ["id"],
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "incident_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("at", at, nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("words_ja", sa.String(), nullable=False),
        sa.Column("words_en", sa.String(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident_entry")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_entry_incident_id_incident")),
    )
    op.create_index(op.f("ix_incident_entry_incident_id"), "incident_entry", ["incident_id"])
    op.create_table(
        "incident_visit",
        sa.Column("incident_id", sa.Integer(), nullable=False),
        sa.Column("visit_id", sa.Integer(), nullable=False),
        sa.Column("added_at", at, nullable=False),
        sa.Column("added_by", sa.String(), nullable=False),
        sa.Column("told_entry_id", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id", "visit_id", name=op.f("pk_incident_visit")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_incident_visit_incident_id_incident")),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_incident_visit_visit_id_visit")),
        sa.ForeignKeyConstraint(
            ["told_entry_id"], ["incident_entry.id"], name=op.f("fk_incident_visit_told_entry_id_incident_entry")
        ),
    )
    op.create_index(op.f("ix_incident_visit_visit_id"), "incident_visit", ["visit_id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER incident_entry_append_only BEFORE UPDATE OR DELETE ON incident_entry"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER incident_entry_no_{verb.lower()} BEFORE {verb} ON incident_entry"
            " BEGIN SELECT RAISE(ABORT, 'evidence is only added to: incident_entry'); END"
        )


def downgrade() -> None:
    """Go back."""
    for table in ("incident_visit", "incident_entry", "incident"):
        op.drop_table(table)
