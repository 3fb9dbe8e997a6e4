-- Changes of builds are told to whoever listens, when they are committed. A
-- notice is: kind, course, build, schema.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION coursewright_notice() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    owner bigint;
BEGIN
    IF TG_TABLE_NAME = 'builds' THEN
        PERFORM pg_notify('coursewright', concat_ws(' ', TG_ARGV[0], NEW.course_id, NEW.id, TG_TABLE_SCHEMA));
    ELSE
        SELECT course_id INTO owner FROM builds WHERE id = NEW.build_id;
        PERFORM pg_notify('coursewright', concat_ws(' ', TG_ARGV[0], owner, NEW.build_id, TG_TABLE_SCHEMA));
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- Columns that only the service itself reads (tries, mark, log_head) tell nothing.
-- Nor does a new row, which nobody can wait for yet: commits with notices take
-- turns, and those of pushes should not.
CREATE TRIGGER notice AFTER UPDATE OF status, rebuild_all, started_at, finished_at, commit_hash, version, reason,
    host, run_id, report ON builds FOR EACH ROW EXECUTE FUNCTION coursewright_notice('state');

CREATE TRIGGER notice AFTER INSERT OR UPDATE ON build_steps FOR EACH ROW EXECUTE FUNCTION coursewright_notice('state');

CREATE TRIGGER notice AFTER INSERT ON build_logs FOR EACH ROW EXECUTE FUNCTION coursewright_notice('log');
