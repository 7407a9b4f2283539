"""Lifecycles: what may follow what."""
