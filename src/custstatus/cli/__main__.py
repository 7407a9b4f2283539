"""`python -m custstatus.cli`."""

from custstatus.cli import main

if __name__ == "__main__":
    main()
