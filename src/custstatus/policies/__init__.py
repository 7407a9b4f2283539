"""Restrictions and idle rules: data that an organisation writes, and the verdicts that they compile to."""
