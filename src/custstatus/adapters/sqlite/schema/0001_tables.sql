-- Accounts, where they stand, their history, identifiers and activities; and who reads the history as a feed. Times are
-- microseconds since 1970, UTC.

CREATE TABLE custstatus_account (
    org TEXT NOT NULL,
    customer TEXT NOT NULL,
    version INTEGER NOT NULL,
    registered_at INTEGER NOT NULL,
    closed_at INTEGER,
    PRIMARY KEY (org, customer)
) STRICT, WITHOUT ROWID;

CREATE TABLE custstatus_standing (
    org TEXT NOT NULL,
    customer TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    status TEXT,
    label TEXT,
    since INTEGER NOT NULL,
    status_since INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    entry INTEGER NOT NULL,
    return_to INTEGER,
    until INTEGER,
    PRIMARY KEY (org, customer, lifecycle)
) STRICT, WITHOUT ROWID;

-- Nearly everybody is active: whoever looks for them is as quick without an index, and no change of a label has to keep one.
CREATE INDEX custstatus_standing_by_status ON custstatus_standing (org, lifecycle, status, customer) WHERE status <> 'active';
CREATE INDEX custstatus_standing_by_label ON custstatus_standing (org, label, customer) WHERE label IS NOT NULL;

CREATE TABLE custstatus_entry (
    id INTEGER PRIMARY KEY,
    org TEXT NOT NULL,
    customer TEXT NOT NULL,
    version INTEGER NOT NULL,
    kind TEXT NOT NULL,
    lifecycle TEXT,
    from_status TEXT,
    from_label TEXT,
    to_status TEXT,
    to_label TEXT,
    effective_at INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    actor_kind TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    channel TEXT NOT NULL,
    config TEXT NOT NULL,
    reason_code TEXT,
    reason_digest BLOB,
    subject TEXT,
    key TEXT,
    ordinal INTEGER NOT NULL,
    digest BLOB,
    return_to INTEGER,
    closes INTEGER NOT NULL,
    run TEXT,
    related TEXT,
    approval TEXT,
    shop TEXT,
    UNIQUE (org, customer, version)
) STRICT;

CREATE UNIQUE INDEX custstatus_entry_by_key ON custstatus_entry (org, key, ordinal) WHERE key IS NOT NULL;

-- The entries of an organisation in the order of their ids, which every index has too.
CREATE INDEX custstatus_entry_by_org ON custstatus_entry (org);
CREATE INDEX custstatus_entry_by_run ON custstatus_entry (org, run, customer, version) WHERE run IS NOT NULL;

CREATE TRIGGER custstatus_entry_is_not_changed BEFORE UPDATE ON custstatus_entry
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;

CREATE TRIGGER custstatus_entry_is_not_deleted BEFORE DELETE ON custstatus_entry
BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END;

-- Free text and personal names, apart from the entry, so that they can be erased.
CREATE TABLE custstatus_text (
    org TEXT NOT NULL,
    customer TEXT NOT NULL,
    version INTEGER NOT NULL,
    reason TEXT,
    actor_name TEXT,
    PRIMARY KEY (org, customer, version)
) STRICT, WITHOUT ROWID;

-- Identifiers of living accounts only: a released one is gone.
CREATE TABLE custstatus_identifier (
    org TEXT NOT NULL,
    token TEXT NOT NULL,
    type TEXT NOT NULL,
    customer TEXT NOT NULL,
    since INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (org, token)
) STRICT, WITHOUT ROWID;

CREATE INDEX custstatus_identifier_by_customer ON custstatus_identifier (org, customer);

CREATE TABLE custstatus_activity (
    org TEXT NOT NULL,
    customer TEXT NOT NULL,
    kind TEXT NOT NULL,
    reference TEXT NOT NULL,
    at INTEGER NOT NULL,
    amount TEXT,
    effect TEXT NOT NULL,
    counts INTEGER NOT NULL,
    PRIMARY KEY (org, customer, kind, reference)
) STRICT, WITHOUT ROWID;

CREATE INDEX custstatus_activity_by_time ON custstatus_activity (org, customer, at, kind, reference, counts);
CREATE INDEX custstatus_activity_by_reference ON custstatus_activity (org, reference);

CREATE TABLE custstatus_last_activity (
    org TEXT NOT NULL,
    customer TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (org, customer)
) STRICT, WITHOUT ROWID;

CREATE TABLE custstatus_config (
    org TEXT NOT NULL,
    hash TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (org, hash)
) STRICT, WITHOUT ROWID;

-- How far consumers of the feed have read.
CREATE TABLE custstatus_consumer (
    org TEXT NOT NULL,
    consumer TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    xid INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (org, consumer)
) STRICT, WITHOUT ROWID;
