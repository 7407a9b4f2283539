"""Programs and recipes for a host to start from; those that are modules run from the root: `python -m examples.demo`."""
