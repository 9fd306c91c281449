"""Entry of `hilum` and `python -m hilum`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a wrong installation ends with one readable message and exit status 2."""
    from domain.errors import HilumError
    from hilum.cli import hilum

    try:
        hilum(prog_name="hilum")
    except HilumError as error:
        print(f"hilum: {error}", file=sys.stderr)  # noqa: T201 - the last word to the person who started it
        sys.exit(2)


if __name__ == "__main__":
    main()
