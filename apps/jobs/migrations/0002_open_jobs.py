"""What admission counts: open jobs by institution, and how fast jobs of a kind are done."""

from django.db import migrations, models

CREATE = """
CREATE FUNCTION assay_queue(asked_kind text, asked_institution uuid, asked_priority int, asked_at timestamptz,
                            OUT mine bigint, OUT total bigint, OUT mine_ahead bigint, OUT ahead bigint,
                            OUT parties bigint, OUT behind_s double precision, OUT done bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    SELECT coalesce(sum(open) FILTER (WHERE institution_id = asked_institution), 0), coalesce(sum(open), 0),
           coalesce(sum(before) FILTER (WHERE institution_id = asked_institution), 0), coalesce(sum(before), 0),
           count(*) FILTER (WHERE before > 0), coalesce(extract(epoch FROM asked_at - min(eldest)), 0), 0
      INTO mine, total, mine_ahead, ahead, parties, behind_s, done
      FROM (SELECT institution_id, count(*) AS open, count(*) FILTER (WHERE priority >= asked_priority) AS before,
                   min(created_at) FILTER (WHERE priority >= asked_priority) AS eldest
              FROM jobs_job
             WHERE kind = asked_kind AND status IN ('queued', 'running')
             GROUP BY institution_id) AS by_institution;
    IF behind_s >= 1 THEN
        behind_s := least(behind_s, 5);
        SELECT count(*) INTO done FROM jobs_job
         WHERE kind = asked_kind AND status = 'succeeded'
           AND finished_at > asked_at - make_interval(secs => behind_s);
    END IF;
END
$$;
COMMENT ON FUNCTION assay_queue IS
    'Counts of open jobs and, where the eldest has waited a second, of those done since then or in 5 s. No contents.';
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["kind", "institution"],
                condition=models.Q(("status__in", ["queued", "running"])),
                name="job_open_by_institution",
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["kind", "finished_at"], condition=models.Q(("status", "succeeded")), name="job_done"
            ),
        ),
        migrations.RunSQL(CREATE, "DROP FUNCTION assay_queue(text, uuid, int, timestamptz)"),
    ]
