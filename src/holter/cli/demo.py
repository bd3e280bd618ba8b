"""``holter demo``: a real training and a real fault, with alarm, cause and report, in two to three minutes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from holter.cli.options import Force, Json, Lang, chosen_language, print_json


def demo(
    fault: Annotated[
        str,
        typer.Option(
            "--fault",
            metavar="FAULT",
            help="freeze-then-kill (healed). Only watched: freeze-worker, kill-worker, kill-main, slow-disk, "
            "cpu-quota, truncated-file, worker-exception, export-worker-killed, vgpu-licence (simulated GPU), none. "
            "A checkout has many more: python -m benchmarks.faultlab --list.",
        ),
    ] = "freeze-then-kill",
    out: Annotated[Path | None, typer.Option("--out", metavar="FOLDER", help="Keep everything in this folder.")] = None,
    as_json: Json = False,
    force: Force = False,
    lang: Lang = None,
) -> None:
    """Train nnU-Net on generated brain MRI on the CPU, break something for real, see it found and healed."""
    from holter.demo.runner import show

    result = show(fault, out, chosen_language(lang), quiet=as_json, force=force)
    if as_json:
        print_json(result.as_json())
    sys.exit(0 if result.as_expected else 1)
