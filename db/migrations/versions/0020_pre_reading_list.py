"""There is a list of all studies for those who read them, in the order that is suggested; people keep filters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_ORDERED = "CASE WHEN {0} <= 1 THEN 0 WHEN {0} = 2 THEN 1 ELSE 2 END"
_VERDICT = (
    "CASE WHEN {0}.outcome <> 'classified' THEN {0}.outcome WHEN {0}.label = 'NORMAL' THEN 'negative' "
    "ELSE 'positive' END"
)
_LEVEL = "CASE {0} WHEN 'positive' THEN 0 WHEN 'undetermined' THEN 1 WHEN 'could-not-process' THEN 1 ELSE 2 END"
_SENDER = (  # no LIMIT: a plan that was made while the tables were empty would walk all films in their order
    "coalesce((SELECT (array_agg(i.calling_ae_title ORDER BY i.id))[1] "
    "FROM series AS s JOIN instances AS i ON i.series_id = s.id WHERE s.study_id = {0}), '')"
)

# After all films of the statement, so that every transaction locks items of the worklist before rows of this list, and
# both in the order of the studies' UIDs. It reads no table but by the key of a conflict: its plans are made while the
# tables are empty.
_TELL_READERS = f"""
CREATE FUNCTION tell_readers(arrived jsonb[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    one jsonb;
    changed text[] := '{{}}';
BEGIN
    FOREACH one IN ARRAY arrived LOOP
        INSERT INTO reading_list AS r (study_id, received_at, suggested, sender, station)
        VALUES (
            (one->>'study')::bigint, now(), {_ORDERED.format("(one->>'urgency')::bigint")},
            coalesce(one->>'sender', ''), coalesce(one->>'station', '')
        )
        ON CONFLICT (study_id) DO UPDATE SET suggested = least(r.suggested, excluded.suggested), is_read = false
        WHERE r.suggested > excluded.suggested OR r.is_read;
        IF FOUND THEN
            changed := changed || (one->>'study');
        END IF;
    END LOOP;
    IF changed <> '{{}}' THEN
        PERFORM pg_notify(
            'hilum_reading', CASE WHEN cardinality(changed) > 300 THEN '' ELSE array_to_string(changed, ',') END
        );
    END IF;
END
$$
"""  # noqa: S608 - constants

# At the commit: the worker has locked the items of the worklist by then.
_RESULT = f"""
CREATE FUNCTION tell_readers_of_result() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came text := {_VERDICT.format("NEW")};
BEGIN
    UPDATE reading_list SET verdict = came, suggested = least(suggested, {_LEVEL.format("came")})
    WHERE study_id = NEW.study_id;
    PERFORM pg_notify('hilum_reading', NEW.study_id::text);
    RETURN NULL;
END
$$
"""  # noqa: S608 - constants
_STEP = """
CREATE FUNCTION tell_readers_of_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state = 'COMPLETED' THEN
        UPDATE reading_list SET is_read = true WHERE study_id = NEW.study_id AND NOT is_read;
    END IF;
    PERFORM pg_notify('hilum_reading', NEW.study_id::text);
    RETURN NULL;
END
$$
"""
_ASSESSMENT = """
CREATE FUNCTION tell_readers_of_assessment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reading_list SET is_read = true WHERE study_id = NEW.study_id AND NOT is_read;
    PERFORM pg_notify('hilum_reading', NEW.study_id::text);
    RETURN NULL;
END
$$
"""
_HELD = """
CREATE FUNCTION tell_readers_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('hilum_reading', NEW.subject_id::text);
    RETURN NULL;
END
$$
"""
_TRIGGERS = (
    """CREATE CONSTRAINT TRIGGER findings_tell_readers AFTER INSERT ON findings DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell_readers_of_result()""",
    """CREATE TRIGGER workitems_tell_readers AFTER UPDATE OF state ON workitems FOR EACH ROW
    WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION tell_readers_of_step()""",
    """CREATE TRIGGER assessments_tell_readers AFTER INSERT OR UPDATE ON assessments FOR EACH ROW
    EXECUTE FUNCTION tell_readers_of_assessment()""",
    """CREATE TRIGGER jobs_tell_readers AFTER UPDATE OF state ON jobs FOR EACH ROW
    WHEN (NEW.kind = 'classify' AND OLD.state <> NEW.state AND 'held' IN (OLD.state, NEW.state))
    EXECUTE FUNCTION tell_readers_of_job()""",
)
_FILL = f"""
INSERT INTO reading_list (study_id, received_at, suggested, verdict, sender, station, is_read)
SELECT st.id, st.received_at, least({_ORDERED.format("st.priority")}, (
        SELECT min({_LEVEL.format("(" + _VERDICT.format("f") + ")")}) FROM findings AS f WHERE f.study_id = st.id
    )), (SELECT {_VERDICT.format("f")} FROM findings AS f WHERE f.study_id = st.id ORDER BY f.id DESC LIMIT 1),
    {_SENDER.format("st.id")}, coalesce(w.station_name, ''),
    EXISTS (SELECT FROM assessments AS a WHERE a.study_id = st.id AND a.received_at >= st.last_received_at)
    OR EXISTS (
        SELECT FROM workitems AS i
        WHERE i.study_id = st.id AND i.state = 'COMPLETED' AND i.ended_at >= st.last_received_at
    )
FROM studies AS st LEFT JOIN study_identities AS w ON w.study_id = st.id
"""  # noqa: S608 - constants


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "reading_list",
        sa.Column(
            "study_id",
            sa.BigInteger(),
            sa.ForeignKey("studies.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("received_at", moment, nullable=False),
        sa.Column("suggested", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=True),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("station", sa.String(), nullable=False),
        sa.Column("is_read", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("suggested BETWEEN 0 AND 2", name="suggested_is_known"),
        sa.CheckConstraint(
            "verdict IN ('positive', 'negative', 'undetermined', 'could-not-process')", name="verdict_is_known"
        ),
    )
    op.create_table(
        "saved_filters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("account_id", sa.BigInteger(), sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.UniqueConstraint("account_id", "name"),
    )
    op.execute(_FILL)
    _create_indexes()
    for statement in (_TELL_READERS, _RESULT, _STEP, _ASSESSMENT, _HELD, *_TRIGGERS):
        op.execute(statement)
    op.execute(_take_instances_and_tell())


def _create_indexes() -> None:
    order = ["suggested", "received_at", "study_id"]
    op.create_index("reading_list_unread", "reading_list", order, postgresql_where=sa.text("NOT is_read"))
    op.create_index("reading_list_order", "reading_list", order)
    op.create_index("reading_list_arrival", "reading_list", ["received_at", "study_id"])
    op.create_index("jobs_held_subject", "jobs", ["kind", "subject_id"], postgresql_where=sa.text("state = 'held'"))
    for column in ("patient_name", "patient_id", "accession_number"):
        op.create_index(
            f"study_identities_{column}_begins",
            "study_identities",
            [sa.text(f"lower({column}) text_pattern_ops")],
        )


def downgrade() -> None:
    op.execute(_take_instances())
    for table in ("findings", "workitems", "assessments", "jobs"):
        op.execute(f"DROP TRIGGER {table}_tell_readers ON {table}")
    for name in ("tell_readers(jsonb[])", *(f"tell_readers_of_{one}()" for one in _TOLD)):
        op.execute(f"DROP FUNCTION {name}")
    for column in ("patient_name", "patient_id", "accession_number"):
        op.drop_index(f"study_identities_{column}_begins", "study_identities")
    op.drop_index("jobs_held_subject", "jobs")
    op.drop_table("saved_filters")
    op.drop_table("reading_list")


_TOLD = ("result", "step", "assessment", "job")


def _take_instances() -> str:
    """Return the function that records films, as it was before."""
    scripts = op.get_context().script
    assert scripts is not None  # noqa: S101 - it is these scripts that are running
    return str(scripts.get_revision("0005").module.TAKE_INSTANCES)


def _take_instances_and_tell() -> str:
    """Return the same, with the readers told of studies that have a new film."""
    text = _take_instances()
    note = (
        "IF coalesce((given->>'to_read')::boolean, true) THEN "
        "arrived := arrived || jsonb_build_object('study', {}, 'urgency', urgency, "
        "'sender', given->'calling_ae_title', 'station', given#>'{{identity,station_name}}'); END IF;\n"
    )
    known = note.format("known.study_id")
    for after, added in (
        ("    known record;\n", "    arrived jsonb[] := '{}';\n"),
        ("WHERE st.id = known.study_id AND i.id = known.id;\n", f"IF FOUND THEN {known} END IF;\n"),
        ("make_due(its_study, urgency, given, job_kind, job_lane, job_attempts, channel);\n", note.format("its_study")),
        ("    END LOOP;\n", "    PERFORM tell_readers(arrived);\n"),
    ):
        assert text.count(after) == 1, after  # noqa: S101 - the function is the one that this was written for
        text = text.replace(after, after + added)
    return text
