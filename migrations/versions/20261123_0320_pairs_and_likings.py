"""times kept for two technicians at once, and what customers like"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_0320"
down_revision = "20261123_0310"
branch_labels = None
depends_on = None

#: In words: SQLite takes constraints with a new column, and would otherwise write a whole table anew, to which others
#: refer.
_LIKINGS = {
    "likes_time": "VARCHAR DEFAULT '' NOT NULL CONSTRAINT ck_customer_likes_time"
    " CHECK (likes_time IN ('', 'morning', 'afternoon', 'evening'))",
    "likes_technician_id": "INTEGER CONSTRAINT fk_customer_likes_technician_id_technician REFERENCES technician (id)",
    "avoids": "JSON DEFAULT '[]' NOT NULL",
}


def upgrade() -> None:
    """Go forward."""
    for name, kind in _LIKINGS.items():
        op.execute(f"ALTER TABLE customer ADD COLUMN {name} {kind}")
    with op.batch_alter_table("hold") as hold:
        hold.add_column(sa.Column("goes_along", sa.Boolean(), nullable=False, server_default=sa.false()))
        hold.drop_constraint("uq_hold_token", type_="unique")
        hold.create_unique_constraint("uq_hold_token_technician_id", ["token", "technician_id"])


def downgrade() -> None:
    """Go back."""
    op.execute("DELETE FROM hold WHERE goes_along")
    with op.batch_alter_table("hold") as hold:
        hold.drop_constraint("uq_hold_token_technician_id", type_="unique")
        hold.create_unique_constraint("uq_hold_token", ["token"])
        hold.drop_column("goes_along")
    for name in reversed(_LIKINGS):
        op.execute(f"ALTER TABLE customer DROP COLUMN {name}")
