"""The command ``holter``, and ``python -m holter``.

Apart from the command line, because that takes a while to import: Ctrl-C is answered here from the first moment on.
"""

from __future__ import annotations

import sys

INTERRUPTED = 130  # as in holter.records.exit_codes, which takes time to import


def main() -> None:
    """Run the command line; Ctrl-C ends it without a word, and with the exit code of a shell."""
    try:
        from holter.cli import main as run

        run()
    except KeyboardInterrupt:
        import signal

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second one would interrupt the exit
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
