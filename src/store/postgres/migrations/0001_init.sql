-- Times are seconds since 1970, hashes are raw bytes. Names compare byte by byte, whatever the database's language is.

CREATE TABLE device (
    tenant         TEXT COLLATE "C" NOT NULL,
    uuid           TEXT COLLATE "C" NOT NULL,
    epoch          BIGINT NOT NULL,             -- the lease under which the record was written (G13)
    generation     BIGINT NOT NULL CHECK (generation > 0),
    snapshot       BYTEA  NOT NULL,
    checksum       BYTEA  NOT NULL,             -- SHA-256 of the snapshot
    changed_at     BIGINT NOT NULL,
    removed_at     BIGINT,                      -- a tombstone from then on (G7)
    mode           BIGINT,                      -- as the firmware writes it
    outcome        TEXT,
    outcome_text   TEXT,
    outcome_at     BIGINT,
    PRIMARY KEY (tenant, uuid),
    CHECK ((outcome IS NULL) = (outcome_text IS NULL) AND (outcome IS NULL) = (outcome_at IS NULL))
);

-- Who drives which device (G13). Without a foreign key: a device is driven before there is a record of it.
CREATE TABLE lease (
    epoch          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,  -- never given twice
    tenant         TEXT COLLATE "C" NOT NULL,
    uuid           TEXT COLLATE "C" NOT NULL,
    server         TEXT   NOT NULL,
    process        TEXT   NOT NULL,                 -- of that server: its leases are renewed together
    until          BIGINT NOT NULL,             -- milliseconds since 1970, by the database's clock
    UNIQUE (tenant, uuid)
);
CREATE INDEX lease_of_process ON lease (process);

CREATE TABLE password (
    tenant         TEXT COLLATE "C" NOT NULL,
    uuid           TEXT COLLATE "C" NOT NULL,
    account        TEXT   NOT NULL CHECK (account IN ('admin', 'mebx')),
    number         BIGINT NOT NULL,
    secret         BYTEA  NOT NULL,
    key_id         TEXT,                        -- the key that encrypts the secret; NULL: it is not encrypted
    made_at        BIGINT NOT NULL,
    PRIMARY KEY (tenant, uuid, account, number),
    FOREIGN KEY (tenant, uuid) REFERENCES device (tenant, uuid)
);

CREATE TABLE certificate (
    rowid          BIGINT GENERATED ALWAYS AS IDENTITY,  -- the order in which they came
    serial         BYTEA  NOT NULL PRIMARY KEY,
    tenant         TEXT COLLATE "C" NOT NULL,
    uuid           TEXT COLLATE "C" NOT NULL,
    spki           BYTEA  NOT NULL,
    der            BYTEA  NOT NULL,
    issued_at      BIGINT NOT NULL,
    FOREIGN KEY (tenant, uuid) REFERENCES device (tenant, uuid)
);
CREATE INDEX certificate_of_device ON certificate (tenant, uuid, issued_at);

CREATE TABLE authority (
    id             BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),  -- there is exactly one
    pem            BYTEA  NOT NULL,
    key_id         TEXT,
    made_at        BIGINT NOT NULL
);

-- Without a foreign key: the log outlives its devices.
CREATE TABLE audit (
    sequence       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant         TEXT COLLATE "C" NOT NULL,
    uuid           TEXT COLLATE "C" NOT NULL,
    at             BIGINT NOT NULL,
    server         TEXT   NOT NULL,
    run            TEXT,
    event          TEXT   NOT NULL
);
CREATE INDEX audit_of_device ON audit (tenant, uuid, sequence);
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the audit log is append-only'; END;
$$;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
