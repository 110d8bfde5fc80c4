"""`python -m joytui` is the `joytui` command."""

from joytui.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
