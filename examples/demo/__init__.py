"""A year of real shopping, replayed through a made-up loyalty programme: `python -m examples.demo`, from the root."""
