"""Which rows of a run are places to hold it: its acceptance, each effect, and the changes of its state."""

from typing import LiteralString

PLACES: LiteralString = """
    CREATE FUNCTION drill.place(kind text, made text, old jsonb, new jsonb) RETURNS text LANGUAGE sql AS $$
        SELECT CASE WHEN kind = 'effects' THEN new->>'step_key'
                    WHEN made = 'INSERT' THEN 'accepted'
                    WHEN old->>'state' <> new->>'state'
                        THEN CASE new->>'state' WHEN 'running' THEN 'resumed' ELSE new->>'state' END
               END
    $$;
    CREATE TRIGGER drill_write BEFORE INSERT OR UPDATE ON runs
        FOR EACH ROW EXECUTE FUNCTION drill.hold('write', '772001');
    CREATE TRIGGER drill_write BEFORE INSERT ON effects
        FOR EACH ROW EXECUTE FUNCTION drill.hold('write', '772001');
    CREATE CONSTRAINT TRIGGER drill_commit AFTER INSERT OR UPDATE ON runs DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION drill.hold('commit', '772001');
    CREATE CONSTRAINT TRIGGER drill_commit AFTER INSERT ON effects DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION drill.hold('commit', '772001');
"""
"""Of an effect the name is its step key, of a run what its state becomes."""
