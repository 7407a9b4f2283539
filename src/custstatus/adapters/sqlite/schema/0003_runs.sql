-- Bulk runs: their entries can be found again, and say in which shop a change was asked for.

ALTER TABLE custstatus_entry ADD COLUMN shop TEXT;

CREATE INDEX custstatus_entry_by_run ON custstatus_entry (org, run, customer, version) WHERE run IS NOT NULL;
