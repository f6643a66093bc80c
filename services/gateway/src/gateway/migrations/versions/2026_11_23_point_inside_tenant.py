"""Point inside the tenant: foreign keys that begin with it, where only ids stood."""

from alembic import op

from keel.tenancy import as_owner

revision = "2026_11_23_point_inside_tenant"
down_revision = "2026_11_23_bind_tokens_to_keys"
branch_labels = None
depends_on = None

_BILANS = ("consents", "contestations")
_BENEFICIARIES = ("page_sessions", "personal_codes", "personal_links")


def _name(table: str, column: str, pointed: str) -> str:
    return op.f(f"fk_{table}_tenant_{column}_{pointed}")


def _point(table: str, column: str, pointed: str) -> None:
    # Whoever checks the rows that are there reads both tables, and reads them whole.
    with (
        as_owner(op.get_bind(), table, pointed),
        op.batch_alter_table(table, schema=None) as batch_op,
    ):
        batch_op.create_foreign_key(
            _name(table, column, pointed), pointed, ["tenant", column], ["tenant", "id"]
        )


def upgrade() -> None:
    for table in _BILANS:
        _point(table, "bilan", "bilans")
    for table in _BENEFICIARIES:
        _point(table, "beneficiary", "beneficiaries")


def downgrade() -> None:
    for table in _BILANS:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(_name(table, "bilan", "bilans"), type_="foreignkey")
    for table in _BENEFICIARIES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            name = _name(table, "beneficiary", "beneficiaries")
            batch_op.drop_constraint(name, type_="foreignkey")
