-- Who drives which device (G13). Without a foreign key: a device is driven before there is a record of it.
CREATE TABLE lease (
    epoch          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,  -- never given twice
    tenant         TEXT    NOT NULL,
    uuid           TEXT    NOT NULL,
    server         TEXT    NOT NULL,
    process        TEXT    NOT NULL,                 -- of that server: its leases are renewed together
    until          INTEGER NOT NULL,            -- milliseconds since 1970
    UNIQUE (tenant, uuid)
) STRICT;
CREATE INDEX lease_of_process ON lease (process);
