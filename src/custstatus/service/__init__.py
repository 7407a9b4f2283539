"""The service: asking, looking, and the desk where changes are made; awaited, and blocking faces made of it."""
