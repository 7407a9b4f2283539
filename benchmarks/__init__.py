"""What `make bench` measures: ratios against a peer or a floor in the same run, never absolute times."""
