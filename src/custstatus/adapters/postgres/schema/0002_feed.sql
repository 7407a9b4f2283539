-- Consumers of the feed, and the database itself: where it was restored from a copy its transactions are numbered anew.

CREATE TABLE custstatus_feed (
    here boolean PRIMARY KEY DEFAULT true CHECK (here),
    system text,
    epoch bigint NOT NULL DEFAULT 0
);

INSERT INTO custstatus_feed DEFAULT VALUES;

-- What is added to the numbers of transactions. A function, which is replaced when that changes: a plan holds it as a constant,
-- and is made anew when it is another.
CREATE FUNCTION custstatus_shift() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT 0::bigint';

CREATE TABLE custstatus_consumer (
    org text COLLATE "C" NOT NULL,
    consumer text COLLATE "C" NOT NULL,
    epoch bigint NOT NULL,
    xid bigint NOT NULL,
    entry bigint NOT NULL,
    PRIMARY KEY (org, consumer)
);
