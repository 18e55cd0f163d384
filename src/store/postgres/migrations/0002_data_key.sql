-- The keys that secrets are sealed under, each sealed under a key that is kept elsewhere.
CREATE TABLE data_key (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    wrapped        BYTEA  NOT NULL,
    wrapped_by     TEXT   NOT NULL,
    in_use         BIGINT UNIQUE CHECK (in_use = 1),  -- what is sealed now is sealed under it
    made_at        BIGINT NOT NULL,
    retired_at     BIGINT,
    CHECK ((in_use IS NULL) = (retired_at IS NOT NULL))
);

-- No key is dropped under a secret that a transaction of another server is about to keep.
ALTER TABLE password ALTER COLUMN key_id TYPE TEXT COLLATE "C",
    ADD FOREIGN KEY (key_id) REFERENCES data_key (id);
ALTER TABLE authority ALTER COLUMN key_id TYPE TEXT COLLATE "C",
    ADD FOREIGN KEY (key_id) REFERENCES data_key (id);
