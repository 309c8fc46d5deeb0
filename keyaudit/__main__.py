"""`keyaudit` and `python -m keyaudit`."""

import sys

try:
    from keyaudit.cli import main
except KeyboardInterrupt:
    print("keyaudit: interrupted. Nothing was written.", file=sys.stderr)  # noqa: T201
    sys.exit(130)

if __name__ == "__main__":
    main()
