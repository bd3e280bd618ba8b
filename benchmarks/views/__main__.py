"""``python -m benchmarks.views [--quick] [--soak MINUTES] [--json FOLDER]``: what each live view costs, in turn."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

# Each is a module with the options --quick and --json FILE.
VIEWS = ("top", "web", "metrics")


def main() -> int:
    """Run all of them; return 1 if one missed a goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="also the web view for so long, with three pages")
    parser.add_argument("--json", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    quick = ["--quick"] if options.quick else []
    rounds = [(view, quick) for view in VIEWS]
    if options.soak is not None:
        rounds.append(("soak", [str(options.soak)]))
    codes = []
    for view, chosen in rounds:
        words = [sys.executable, "-m", f"benchmarks.views.{view}", *chosen]
        if options.json is not None:
            options.json.mkdir(parents=True, exist_ok=True)
            words += ["--json", str(options.json / f"views-{view}.json")]
        print(f"== {view}", flush=True)
        codes.append(subprocess.run(words, check=False).returncode)
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
