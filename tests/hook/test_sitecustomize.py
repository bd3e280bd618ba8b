"""The loader must be invisible: to other sitecustomize files, to bare interpreters, and on a clock."""

from __future__ import annotations

import json

import pytest

LIST_MODULES = "import sys, json; print(json.dumps(sorted(sys.modules)))"


def test_an_existing_sitecustomize_still_runs_under_its_own_name(hooked, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.theirs = __file__\n")
    done = hooked.run("-c", "import sitecustomize; print(theirs, sitecustomize.__file__)", path=(tmp_path,))
    assert done.stdout.split() == [str(tmp_path / "sitecustomize.py")] * 2
    assert done.stderr == ""


@pytest.mark.parametrize("body", ["raise ValueError('theirs broke')", "import no_such_thing", "1 +"])
def test_a_sitecustomize_that_fails_prints_what_python_prints(hooked, tmp_path, body):
    (tmp_path / "sitecustomize.py").write_text(body + "\n")
    with_hook = hooked.run("-c", "print('on')", path=(tmp_path,))
    without = hooked.run("-c", "print('on')", path=(tmp_path,), hook=False)
    assert (with_hook.returncode, with_hook.stdout) == (without.returncode, without.stdout) == (0, "on\n")
    assert with_hook.stderr.splitlines()[-1] == without.stderr.splitlines()[-1]


def test_where_there_is_no_other_sitecustomize_the_name_stays_free(hooked):
    program = (
        "import importlib.util as u\ntry:\n import sitecustomize; print('there')\nexcept ImportError: print('none')"
    )
    assert hooked.run("-c", program).stdout == hooked.run("-c", program, hook=False).stdout


def test_a_process_without_nnunet_loads_one_small_file_and_leaves_no_file(hooked):
    loaded = set(json.loads(hooked.run("-c", LIST_MODULES).stdout))
    usual = set(json.loads(hooked.run("-c", LIST_MODULES, hook=False).stdout))
    assert loaded - usual <= {"_holter_hook", "_holter_hook.hook", "__future__"}
    assert list(hooked.scratch.iterdir()) == []


def test_a_second_spelling_of_the_loader_folder_on_the_path_does_no_harm(hooked, tmp_path):
    (tmp_path / "again").symlink_to(hooked.inject)
    (tmp_path / "sitecustomize.py").write_text("print('theirs')\n")
    done = hooked.run("-c", "pass", path=(hooked.inject / ".", tmp_path / "again", tmp_path))
    assert (done.stdout, done.stderr) == ("theirs\n", "")


def test_without_a_scratch_folder_the_loader_loads_nothing(hooked):
    loaded = json.loads(hooked.run("-c", LIST_MODULES, HOLTER_SCRATCH="").stdout)
    assert not [name for name in loaded if "holter" in name]


def test_a_hook_that_cannot_be_loaded_is_noted_and_the_program_runs(hooked, tmp_path):
    # A folder of the user's that hides a name our loader needs is one way it can fail.
    broken = tmp_path / "hook" / "inject"
    broken.mkdir(parents=True)
    (broken / "sitecustomize.py").write_text((hooked.inject / "sitecustomize.py").read_text())
    (tmp_path / "hook" / "hook.py").write_text("raise RuntimeError('no')\n")
    done = hooked.run("-c", "print('on')", hook=False, path=(broken,), HOLTER_SCRATCH=str(hooked.scratch))
    assert (done.stdout, done.stderr) == ("on\n", "")
    assert [line["what"] for line in hooked.lines("note")] == ["hook-failed"]
