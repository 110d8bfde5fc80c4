"""`python -m joytui` is the `joytui` command."""

import sys

if __name__ == "__main__":
    try:
        from joytui.cli.main import main

        code = main()
    except KeyboardInterrupt:  # while it was still being imported
        code = 130
    sys.exit(code)
