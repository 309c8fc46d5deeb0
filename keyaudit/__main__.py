"""`python -m keyaudit`."""

from keyaudit.cli import main

if __name__ == "__main__":
    main()
