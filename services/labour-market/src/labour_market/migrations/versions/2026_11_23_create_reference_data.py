"""Create the tables of reference data.

Revision ID: 0001
Created: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op

import keel.database

revision: str = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=20), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("bundled", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("imported_at", keel.database.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_releases")),
    )
    op.create_index(op.f("ix_releases_source"), "releases", ["source"], unique=False)
    op.create_table(
        "appellations",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("scheme", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=140), nullable=False),
        sa.Column("occupation", sa.String(length=120), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_appellations_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release", "scheme", "code", name=op.f("pk_appellations")),
    )
    op.create_index(
        op.f("ix_appellations_release_scheme_occupation"),
        "appellations",
        ["release", "scheme", "occupation"],
        unique=False,
    )
    op.create_table(
        "certifications",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("rncp", sa.String(length=12), nullable=False),
        sa.Column("title", sa.String(length=400), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=True),
        sa.Column("level", sa.String(length=12), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("valid_until", sa.String(length=10), nullable=True),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_certifications_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release", "rncp", name=op.f("pk_certifications")),
    )
    op.create_table(
        "families",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("scheme", sa.String(length=10), nullable=False),
        sa.Column("code", sa.String(length=10), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_families_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release", "scheme", "code", name=op.f("pk_families")),
    )
    op.create_table(
        "figures",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("occupation_level", sa.String(length=12), nullable=False),
        sa.Column("occupation", sa.String(length=10), nullable=False),
        sa.Column("territory", sa.String(length=8), nullable=False),
        sa.Column("indicator", sa.String(length=40), nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=True),
        sa.Column("flag", sa.String(length=12), nullable=False),
        sa.Column("publication", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_figures_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "release",
            "occupation_level",
            "occupation",
            "territory",
            "indicator",
            "period",
            name=op.f("pk_figures"),
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "links",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("from_scheme", sa.String(length=10), nullable=False),
        sa.Column("from_code", sa.String(length=120), nullable=False),
        sa.Column("to_scheme", sa.String(length=10), nullable=False),
        sa.Column("to_code", sa.String(length=120), nullable=False),
        sa.Column("relation", sa.String(length=20), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"], ["releases.id"], name=op.f("fk_links_release_releases"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "release", "from_scheme", "from_code", "to_scheme", "to_code", name=op.f("pk_links")
        ),
    )
    op.create_table(
        "mobilities",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=5), nullable=False),
        sa.Column("target", sa.String(length=5), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_mobilities_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release", "source", "target", name=op.f("pk_mobilities")),
    )
    op.create_table(
        "occupations",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("scheme", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=120), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("parent", sa.String(length=120), nullable=True),
        sa.Column("definition", sa.Text(), nullable=True),
        sa.Column("riasec", sa.String(length=2), nullable=True),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_occupations_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release", "scheme", "code", name=op.f("pk_occupations")),
    )
    op.create_table(
        "publications",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("producer", sa.String(length=120), nullable=False),
        sa.Column("licence", sa.String(length=120), nullable=False),
        sa.Column("url", sa.String(length=300), nullable=True),
        sa.Column("published_on", sa.String(length=10), nullable=True),
        sa.Column("retrieved_on", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_publications_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release", "key", name=op.f("pk_publications")),
    )
    op.create_table(
        "requirements",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("scheme", sa.String(length=8), nullable=False),
        sa.Column("occupation", sa.String(length=120), nullable=False),
        sa.Column("skill", sa.String(length=120), nullable=False),
        sa.Column("importance", sa.String(length=12), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_requirements_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "release", "scheme", "occupation", "skill", name=op.f("pk_requirements")
        ),
    )
    op.create_table(
        "skills",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("scheme", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=120), nullable=False),
        sa.Column("label", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("alternatives", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_skills_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release", "scheme", "code", name=op.f("pk_skills")),
    )
    op.create_table(
        "territories",
        sa.Column("release", sa.String(length=80), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("parent", sa.String(length=8), nullable=False),
        sa.Column("level", sa.String(length=12), nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["release"],
            ["releases.id"],
            name=op.f("fk_territories_release_releases"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("release", "code", "parent", name=op.f("pk_territories")),
    )


def downgrade() -> None:
    op.drop_table("territories")
    op.drop_table("skills")
    op.drop_table("requirements")
    op.drop_table("publications")
    op.drop_table("occupations")
    op.drop_table("mobilities")
    op.drop_table("links")
    op.drop_table("figures")
    op.drop_table("families")
    op.drop_table("certifications")
    op.drop_index(op.f("ix_appellations_release_scheme_occupation"), table_name="appellations")
    op.drop_table("appellations")
    op.drop_index(op.f("ix_releases_source"), table_name="releases")
    op.drop_table("releases")
