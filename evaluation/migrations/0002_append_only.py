"""Triggers that hold what sealing freezes, whoever writes to the database."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION evaluation_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER answer_append_only BEFORE UPDATE OR DELETE ON evaluation_answer
    FOR EACH ROW EXECUTE FUNCTION evaluation_refuse();
CREATE TRIGGER auditevent_append_only BEFORE UPDATE OR DELETE ON evaluation_auditevent
    FOR EACH ROW EXECUTE FUNCTION evaluation_refuse();
CREATE TRIGGER stimulus_append_only BEFORE UPDATE OR DELETE ON evaluation_stimulus
    FOR EACH ROW EXECUTE FUNCTION evaluation_refuse();
CREATE TRIGGER stimulustruth_append_only BEFORE UPDATE OR DELETE ON evaluation_stimulustruth
    FOR EACH ROW EXECUTE FUNCTION evaluation_refuse();
CREATE TRIGGER studysecret_append_only BEFORE UPDATE OR DELETE ON evaluation_studysecret
    FOR EACH ROW EXECUTE FUNCTION evaluation_refuse();
CREATE TRIGGER readinglist_append_only BEFORE UPDATE OR DELETE ON evaluation_readinglist
    FOR EACH ROW EXECUTE FUNCTION evaluation_refuse();

-- TRUNCATE passes by the triggers of rows. Test databases are emptied by it, and only they.
CREATE FUNCTION evaluation_keep_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF left(current_database(), 5) <> 'test_' THEN
        RAISE EXCEPTION '% is never emptied', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER answer_is_never_emptied BEFORE TRUNCATE ON evaluation_answer
    EXECUTE FUNCTION evaluation_keep_rows();
CREATE TRIGGER auditevent_is_never_emptied BEFORE TRUNCATE ON evaluation_auditevent
    EXECUTE FUNCTION evaluation_keep_rows();
CREATE TRIGGER study_is_never_emptied BEFORE TRUNCATE ON evaluation_study
    EXECUTE FUNCTION evaluation_keep_rows();
CREATE TRIGGER trial_is_never_emptied BEFORE TRUNCATE ON evaluation_trial
    EXECUTE FUNCTION evaluation_keep_rows();
CREATE TRIGGER session_is_never_emptied BEFORE TRUNCATE ON evaluation_session
    EXECUTE FUNCTION evaluation_keep_rows();
CREATE TRIGGER stimulus_is_never_emptied BEFORE TRUNCATE ON evaluation_stimulus
    EXECUTE FUNCTION evaluation_keep_rows();
CREATE TRIGGER stimulustruth_is_never_emptied BEFORE TRUNCATE ON evaluation_stimulustruth
    EXECUTE FUNCTION evaluation_keep_rows();
CREATE TRIGGER studysecret_is_never_emptied BEFORE TRUNCATE ON evaluation_studysecret
    EXECUTE FUNCTION evaluation_keep_rows();
CREATE TRIGGER readinglist_is_never_emptied BEFORE TRUNCATE ON evaluation_readinglist
    EXECUTE FUNCTION evaluation_keep_rows();

CREATE FUNCTION evaluation_keep_reading() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR EXISTS (
        SELECT FROM evaluation_rater rater JOIN evaluation_study study ON study.id = rater.study_id
        WHERE rater.id = OLD.rater_id AND study.closed_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'the readings of a closed study are frozen'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER session_stays_as_it_ended BEFORE UPDATE OR DELETE ON evaluation_session
    FOR EACH ROW EXECUTE FUNCTION evaluation_keep_reading();

CREATE FUNCTION evaluation_keep_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sealed_at IS NOT NULL AND (
        TG_OP = 'DELETE' OR OLD.closed_at IS NOT NULL
        OR (to_jsonb(NEW) - 'closed_at' - 'closes_at')
            IS DISTINCT FROM (to_jsonb(OLD) - 'closed_at' - 'closes_at')
    ) THEN
        RAISE EXCEPTION 'study % is sealed', OLD.slug USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER study_keeps_its_seal BEFORE UPDATE OR DELETE ON evaluation_study
    FOR EACH ROW EXECUTE FUNCTION evaluation_keep_seal();

CREATE FUNCTION evaluation_keep_draw() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE drawn record := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
BEGIN
    IF EXISTS (SELECT FROM evaluation_study WHERE id = drawn.study_id AND sealed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'the images of a sealed study are frozen'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER studyimage_keeps_the_draw BEFORE INSERT OR UPDATE OR DELETE ON evaluation_studyimage
    FOR EACH ROW EXECUTE FUNCTION evaluation_keep_draw();
CREATE TRIGGER certificate_stays BEFORE UPDATE OR DELETE ON evaluation_certificate
    FOR EACH ROW EXECUTE FUNCTION evaluation_keep_draw();

CREATE FUNCTION evaluation_keep_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.session_id, NEW.position, NEW.stimulus_id, NEW.beside_id,
            NEW.kind, NEW.block, NEW.token)
        IS DISTINCT FROM (OLD.session_id, OLD.position, OLD.stimulus_id, OLD.beside_id,
            OLD.kind, OLD.block, OLD.token) THEN
        RAISE EXCEPTION 'the order of a session is frozen'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER trial_keeps_its_place BEFORE UPDATE OR DELETE ON evaluation_trial
    FOR EACH ROW EXECUTE FUNCTION evaluation_keep_order();

-- The truth of a study that is open for reading is hidden from everybody but the tables' owner.
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'dermturing_web') THEN
        CREATE ROLE dermturing_web LOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the role dermturing_web is missing; see the README on DATABASE_URL_WEB';
END $$;

CREATE FUNCTION evaluation_hide_images() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    UPDATE evaluation_image image SET sealed = EXISTS (
        SELECT FROM evaluation_studyimage drawn JOIN evaluation_study study
            ON study.id = drawn.study_id
        WHERE drawn.image_id = image.id
            AND study.sealed_at IS NOT NULL AND study.closed_at IS NULL
    ) WHERE id IN (SELECT image_id FROM evaluation_studyimage WHERE study_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER study_hides_its_images AFTER UPDATE OF sealed_at, closed_at ON evaluation_study
    FOR EACH ROW EXECUTE FUNCTION evaluation_hide_images();

ALTER TABLE evaluation_image ENABLE ROW LEVEL SECURITY;
CREATE POLICY images_of_no_open_study ON evaluation_image USING (NOT sealed);
ALTER TABLE evaluation_studyimage ENABLE ROW LEVEL SECURITY;
CREATE POLICY draw_of_no_open_study ON evaluation_studyimage USING (EXISTS (
    SELECT FROM evaluation_study study
    WHERE study.id = study_id AND (study.sealed_at IS NULL OR study.closed_at IS NOT NULL)
));
ALTER TABLE evaluation_stimulustruth ENABLE ROW LEVEL SECURITY;
CREATE POLICY truth_is_written ON evaluation_stimulustruth FOR INSERT WITH CHECK (true);
CREATE POLICY truth_of_a_closed_study ON evaluation_stimulustruth FOR SELECT USING (EXISTS (
    SELECT FROM evaluation_stimulus stimulus JOIN evaluation_study study
        ON study.id = stimulus.study_id
    WHERE stimulus.id = stimulus_id AND study.closed_at IS NOT NULL
));
ALTER TABLE evaluation_studysecret ENABLE ROW LEVEL SECURITY;
CREATE POLICY secret_is_written ON evaluation_studysecret FOR INSERT WITH CHECK (true);
CREATE POLICY secret_of_a_closed_study ON evaluation_studysecret FOR SELECT USING (EXISTS (
    SELECT FROM evaluation_study study WHERE study.id = study_id AND study.closed_at IS NOT NULL
));
"""

BACKWARD = """
DROP POLICY images_of_no_open_study ON evaluation_image;
DROP POLICY draw_of_no_open_study ON evaluation_studyimage;
DROP POLICY truth_is_written ON evaluation_stimulustruth;
DROP POLICY truth_of_a_closed_study ON evaluation_stimulustruth;
DROP POLICY secret_is_written ON evaluation_studysecret;
DROP POLICY secret_of_a_closed_study ON evaluation_studysecret;
ALTER TABLE evaluation_image DISABLE ROW LEVEL SECURITY;
ALTER TABLE evaluation_studyimage DISABLE ROW LEVEL SECURITY;
ALTER TABLE evaluation_stimulustruth DISABLE ROW LEVEL SECURITY;
ALTER TABLE evaluation_studysecret DISABLE ROW LEVEL SECURITY;
DROP FUNCTION evaluation_hide_images() CASCADE;
DROP FUNCTION evaluation_keep_reading() CASCADE;
DROP FUNCTION evaluation_keep_rows() CASCADE;
DROP FUNCTION evaluation_keep_order() CASCADE;
DROP FUNCTION evaluation_keep_draw() CASCADE;
DROP FUNCTION evaluation_keep_seal() CASCADE;
DROP FUNCTION evaluation_refuse() CASCADE;
"""


class Migration(migrations.Migration):
    """Append-only answers, trail and stimuli; sealed studies that stay as they are."""

    dependencies = [("evaluation", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
