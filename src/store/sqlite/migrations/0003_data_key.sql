-- The keys that secrets are sealed under, each sealed under a key that is kept elsewhere.
CREATE TABLE data_key (
    id             TEXT    NOT NULL PRIMARY KEY,
    wrapped        BLOB    NOT NULL,
    wrapped_by     TEXT    NOT NULL,
    in_use         INTEGER UNIQUE CHECK (in_use = 1),  -- what is sealed now is sealed under it
    made_at        INTEGER NOT NULL,
    retired_at     INTEGER,
    CHECK ((in_use IS NULL) = (retired_at IS NOT NULL))
) STRICT;
