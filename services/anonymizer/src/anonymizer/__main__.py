"""Run the anonymizer: `python -m anonymizer serve | work | migrate | openapi` and its doors."""

import sys


def _main() -> int:
    if sys.argv[1:2] == ["work"]:
        # The reading process stays small: it imports no web server, no database and no model.
        from anonymizer.intake.command import main as work  # noqa: PLC0415

        return work(sys.argv[2:])
    from anonymizer.doors import main  # noqa: PLC0415

    return main()


if __name__ == "__main__":
    sys.exit(_main())
