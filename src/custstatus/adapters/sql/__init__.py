"""What every SQL store has in common: statements, rows and operations, each written once."""
