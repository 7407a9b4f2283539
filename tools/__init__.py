"""What keeps the project's own files as they should be."""
