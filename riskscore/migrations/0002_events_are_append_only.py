from django.db import migrations

REFUSE = """
CREATE FUNCTION riskscore_event_refuse_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER riskscore_event_append_only BEFORE UPDATE ON riskscore_event
    FOR EACH ROW EXECUTE FUNCTION riskscore_event_refuse_update();
"""

ALLOW = """
DROP TRIGGER riskscore_event_append_only ON riskscore_event;
DROP FUNCTION riskscore_event_refuse_update();
"""


class Migration(migrations.Migration):

    dependencies = [("riskscore", "0001_initial")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
