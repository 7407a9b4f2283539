-- Consumers of the feed.

CREATE TABLE custstatus_consumer (
    org TEXT NOT NULL,
    consumer TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    xid INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    PRIMARY KEY (org, consumer)
) STRICT, WITHOUT ROWID;

-- The entries of an organisation in the order of their ids, which every index has too.
CREATE INDEX custstatus_entry_by_org ON custstatus_entry (org);
