"""Made by `make faces`: never edited."""
