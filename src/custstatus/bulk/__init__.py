"""Bulk work: statuses and activities of many customers at once, from tables and to tables."""
