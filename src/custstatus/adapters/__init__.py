"""Stores: they keep, list and apply guarded changes; they decide nothing."""
