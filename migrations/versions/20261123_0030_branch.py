"""branches, where technicians' days may begin and end"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261123_0030"
down_revision = "20261123_0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "branch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("lat", sa.Double(), nullable=False),
        sa.Column("lon", sa.Double(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", app.db.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("lat BETWEEN -90 AND 90 AND lon BETWEEN -180 AND 180", name=op.f("ck_branch_on_earth")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_branch")),
    )
    # In words: SQLite takes constraints with a new column, and would otherwise write the whole table anew, to which
    # others refer.
    op.execute(
        "ALTER TABLE technician ADD COLUMN branch_id INTEGER CONSTRAINT fk_technician_branch_id_branch"
        " REFERENCES branch (id)"
    )
    for name in ("starts_from", "returns_to"):
        op.execute(
            f"ALTER TABLE technician ADD COLUMN {name} VARCHAR DEFAULT 'home' NOT NULL CONSTRAINT ck_technician_{name}"
            f" CHECK ({name} = 'home' OR ({name} = 'branch' AND branch_id IS NOT NULL))"
        )


def downgrade() -> None:
    """Go back."""
    for name in ("returns_to", "starts_from", "branch_id"):
        op.execute(f"ALTER TABLE technician DROP COLUMN {name}")
    op.drop_table("branch")
