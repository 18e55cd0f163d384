-- Times are seconds since 1970, hashes are raw bytes.

CREATE TABLE device (
    tenant         TEXT    NOT NULL,
    uuid           TEXT    NOT NULL,
    epoch          INTEGER NOT NULL DEFAULT 0,  -- the lease under which the record was written (G13)
    generation     INTEGER NOT NULL CHECK (generation > 0),
    snapshot       BLOB    NOT NULL,
    checksum       BLOB    NOT NULL,            -- SHA-256 of the snapshot
    changed_at     INTEGER NOT NULL,
    removed_at     INTEGER,                     -- a tombstone from then on (G7)
    mode           INTEGER,                     -- as the firmware writes it
    outcome        TEXT,
    outcome_text   TEXT,
    outcome_at     INTEGER,
    PRIMARY KEY (tenant, uuid),
    CHECK ((outcome IS NULL) = (outcome_text IS NULL) AND (outcome IS NULL) = (outcome_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE password (
    tenant         TEXT    NOT NULL,
    uuid           TEXT    NOT NULL,
    account        TEXT    NOT NULL CHECK (account IN ('admin', 'mebx')),
    number         INTEGER NOT NULL,
    secret         BLOB    NOT NULL,
    key_id         TEXT,                        -- the key that encrypts the secret; NULL: it is not encrypted
    made_at        INTEGER NOT NULL,
    PRIMARY KEY (tenant, uuid, account, number),
    FOREIGN KEY (tenant, uuid) REFERENCES device (tenant, uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE certificate (
    serial         BLOB    NOT NULL PRIMARY KEY,
    tenant         TEXT    NOT NULL,
    uuid           TEXT    NOT NULL,
    spki           BLOB    NOT NULL,
    der            BLOB    NOT NULL,
    issued_at      INTEGER NOT NULL,
    FOREIGN KEY (tenant, uuid) REFERENCES device (tenant, uuid)
) STRICT;
CREATE INDEX certificate_of_device ON certificate (tenant, uuid, issued_at);

CREATE TABLE authority (
    id             INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),  -- there is exactly one
    pem            BLOB    NOT NULL,
    key_id         TEXT,
    made_at        INTEGER NOT NULL
) STRICT;

-- Without a foreign key: the log outlives its devices.
CREATE TABLE audit (
    sequence       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tenant         TEXT    NOT NULL,
    uuid           TEXT    NOT NULL,
    at             INTEGER NOT NULL,
    server         TEXT    NOT NULL,
    run            TEXT,
    event          TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_of_device ON audit (tenant, uuid, sequence);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
