-- Accounts, where they stand, their history, identifiers and activities; and who reads the history as a feed. Times are
-- microseconds since 1970, UTC; text is ordered by code point. Statements are parted by blank lines.

CREATE TABLE custstatus_account (
    org text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    registered_at bigint NOT NULL,
    closed_at bigint,
    xid bigint NOT NULL,
    PRIMARY KEY (org, customer)
) WITH (fillfactor = 90);

CREATE TABLE custstatus_standing (
    org text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    lifecycle text COLLATE "C" NOT NULL,
    status text COLLATE "C",
    label text COLLATE "C",
    since bigint NOT NULL,
    status_since bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    actor_kind text COLLATE "C" NOT NULL,
    entry bigint NOT NULL,
    return_to bigint,
    until bigint,
    PRIMARY KEY (org, customer, lifecycle)
) WITH (fillfactor = 90);

-- Nearly everybody is active: whoever looks for them is as quick without an index, and no change of a label has to keep one.
CREATE INDEX custstatus_standing_by_status ON custstatus_standing (org, lifecycle, status, customer) WHERE status <> 'active';

CREATE INDEX custstatus_standing_by_label ON custstatus_standing (org, label, customer) WHERE label IS NOT NULL;

-- Read by consumers in the order of xid and id: the transaction, or that of an earlier entry of the account where it is
-- greater. A transaction may begin early and write late, so neither number alone would do.
CREATE TABLE custstatus_entry (
    id bigint GENERATED ALWAYS AS IDENTITY,
    xid bigint NOT NULL,
    org text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    kind text COLLATE "C" NOT NULL,
    lifecycle text COLLATE "C",
    from_status text COLLATE "C",
    from_label text COLLATE "C",
    to_status text COLLATE "C",
    to_label text COLLATE "C",
    effective_at bigint NOT NULL,
    recorded_at bigint NOT NULL,
    actor text COLLATE "C" NOT NULL,
    actor_kind text COLLATE "C" NOT NULL,
    requested_by text COLLATE "C" NOT NULL,
    channel text COLLATE "C" NOT NULL,
    config text COLLATE "C" NOT NULL,
    reason_code text COLLATE "C",
    reason_digest bytea,
    subject text COLLATE "C",
    key text COLLATE "C",
    ordinal integer NOT NULL,
    digest bytea,
    return_to bigint,
    closes integer NOT NULL,
    run text COLLATE "C",
    related text COLLATE "C",
    approval text COLLATE "C",
    shop text COLLATE "C",
    PRIMARY KEY (org, xid, id),
    UNIQUE (org, customer, version)
);

CREATE UNIQUE INDEX custstatus_entry_by_key ON custstatus_entry (org, key, ordinal) WHERE key IS NOT NULL;

CREATE INDEX custstatus_entry_by_run ON custstatus_entry (org, run, customer, version) WHERE run IS NOT NULL;

CREATE FUNCTION custstatus_history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history is append-only';
END
$$;

CREATE TRIGGER custstatus_entry_is_not_changed BEFORE UPDATE OR DELETE ON custstatus_entry
    FOR EACH ROW EXECUTE FUNCTION custstatus_history_is_append_only();

CREATE TRIGGER custstatus_entry_is_not_emptied BEFORE TRUNCATE ON custstatus_entry
    FOR EACH STATEMENT EXECUTE FUNCTION custstatus_history_is_append_only();

-- Free text and personal names, apart from the entry, so that they can be erased.
CREATE TABLE custstatus_text (
    org text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    reason text,
    actor_name text,
    PRIMARY KEY (org, customer, version)
);

-- Identifiers of living accounts only: a released one is gone.
CREATE TABLE custstatus_identifier (
    org text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    since bigint NOT NULL,
    entry bigint NOT NULL,
    PRIMARY KEY (org, token)
);

CREATE INDEX custstatus_identifier_by_customer ON custstatus_identifier (org, customer);

CREATE TABLE custstatus_activity (
    org text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    amount text COLLATE "C",
    effect text COLLATE "C" NOT NULL,
    counts integer NOT NULL,
    PRIMARY KEY (org, customer, kind, reference)
);

CREATE INDEX custstatus_activity_by_time ON custstatus_activity (org, customer, at, kind, reference, counts);

CREATE INDEX custstatus_activity_by_reference ON custstatus_activity (org, reference);

-- A row from registration on, NULL until there is an activity that counts: what is not there cannot be locked.
CREATE TABLE custstatus_last_activity (
    org text COLLATE "C" NOT NULL,
    customer text COLLATE "C" NOT NULL,
    at bigint,
    PRIMARY KEY (org, customer)
) WITH (fillfactor = 90);

CREATE TABLE custstatus_config (
    org text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    text text NOT NULL,
    PRIMARY KEY (org, hash)
);

-- The database itself: where it was restored from a copy its transactions are numbered anew.
CREATE TABLE custstatus_feed (
    here boolean PRIMARY KEY DEFAULT true CHECK (here),
    system text,
    epoch bigint NOT NULL DEFAULT 0
);

INSERT INTO custstatus_feed DEFAULT VALUES;

-- What is added to the numbers of transactions. A function, which is replaced when that changes: a plan holds it as a constant,
-- and is made anew when it is another.
CREATE FUNCTION custstatus_shift() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT 0::bigint';

-- How far consumers have read.
CREATE TABLE custstatus_consumer (
    org text COLLATE "C" NOT NULL,
    consumer text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    xid bigint NOT NULL,
    entry bigint NOT NULL,
    PRIMARY KEY (org, consumer)
);
