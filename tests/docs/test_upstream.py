"""Each weak spot found elsewhere has an issue ready to post, whose program shows the fault."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from needs import imported

CHECKOUT = Path(__file__).resolve().parents[2]
drafts = SimpleNamespace(**runpy.run_path(str(CHECKOUT / "upstream/drafts.py")))
PROGRAMS = drafts.programs()
# Those that wait for something, and the one that needs a GPU, are run by hand: `python upstream/drafts.py --run all`.
QUICK = ("box_beside_image", "cpu_count", "ignore_label_keyerror", "read_only_maps")


def test_each_weak_spot_has_a_draft_and_each_draft_a_weak_spot() -> None:
    page = (CHECKOUT / "docs/upstream.md").read_text(encoding="utf-8")
    spots = re.split(r"(?m)^(?=## \d+\. )", page)[1:]
    linked = [re.findall(r"\]\(\.\./upstream/(\w+)\.md\)", spot) for spot in spots]
    assert [len(names) for names in linked] == [1] * len(spots)
    assert sorted(name for names in linked for name in names) == [program.stem for program in PROGRAMS]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.stem)
def test_a_draft_is_made_from_its_program_and_from_what_it_printed(program: Path) -> None:
    compile(program.read_text(encoding="utf-8"), str(program), "exec")
    where, printed = drafts.kept(program)
    assert "Python 3." in where, f"never run: python upstream/drafts.py --run {program.stem}"
    assert printed.strip()
    text = program.with_suffix(".md").read_text(encoding="utf-8")
    assert text == drafts.page(program, (where, printed)), "python upstream/drafts.py writes it again"
    assert not re.search(r"/(work|root|home|tmp)/", text)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_quick_program_shows_its_fault_with_the_installed_packages(name: str) -> None:
    """If one ends with 1, the project has probably mended it: say so in docs/upstream.md."""
    imported("nnunetv2")
    program = CHECKOUT / f"upstream/{name}.py"
    done = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1][:12] == drafts.kept(program)[1].splitlines()[-1][:12]
