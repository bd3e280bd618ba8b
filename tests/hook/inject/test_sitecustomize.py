"""The loader must be invisible: to other sitecustomize files, to bare interpreters, and on a clock."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

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


# Ways to run "the next sitecustomize" that are in use (ddtrace, PyCharm, recipes), each as the body of a file.
LOG = """
import os, sys
_here = os.path.dirname(os.path.abspath(__file__))
with open(os.environ["LOG"], "a") as _log:
    _log.write(os.path.basename(_here) + " ")
"""
OTHERS = "[p for p in sys.path if os.path.abspath(p) != _here]"
CHAINS = {
    "not at all": "",
    "import": f"""
del sys.modules["sitecustomize"]
_path, sys.path = sys.path, {OTHERS}
try:
    import sitecustomize
except ImportError:
    pass
finally:
    sys.path = _path
""",
    "spec": f"""
import importlib.machinery, importlib.util
_spec = importlib.machinery.PathFinder.find_spec("sitecustomize", {OTHERS})
if _spec is not None:
    _module = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_module)
""",
    "spec and name": f"""
import importlib.machinery, importlib.util
_spec = importlib.machinery.PathFinder.find_spec("sitecustomize", {OTHERS})
if _spec is not None:
    _module = sys.modules["sitecustomize"] = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_module)
""",
    "run_path": f"""
import runpy
_files = [os.path.join(p, "sitecustomize.py") for p in {OTHERS}]
_names = runpy.run_path(next(filter(os.path.isfile, _files), os.devnull))
""",
    "exec": f"""
_files = [os.path.join(p, "sitecustomize.py") for p in {OTHERS}]
_file = next(filter(os.path.isfile, _files), os.devnull)
exec(compile(open(_file).read(), _file, "exec"))
""",
    "exec without a name": f"""
_files = [os.path.join(p, "sitecustomize.py") for p in {OTHERS}]
exec(open(next(filter(os.path.isfile, _files), os.devnull)).read())
""",
}
REPORT = """
import json, sys
import _holter_hook
finders = [one for one in sys.meta_path if type(one).__module__ == "_holter_hook.hook"]
print(json.dumps({"finders": len(finders), "name": getattr(sys.modules.get("sitecustomize"), "__file__", None)}))
"""


# Where ours stands among the others. Behind one that runs no other it is not found: see usercustomize below.
PLACES = [*((chain, place) for chain in CHAINS for place in (0, 1)), ("import", 2)]
PLACES.remove(("not at all", 1))


@pytest.mark.parametrize(("chain", "place"), PLACES)
def test_a_sitecustomize_that_runs_the_next_one_runs_once_and_so_does_the_hook(hooked, tmp_path, chain, place):
    last = CHAINS["import"] if place == 2 else ""
    for name, body in (("first", LOG + CHAINS[chain]), ("second", LOG + last)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "sitecustomize.py").write_text(body)
    folders = [tmp_path / "first", tmp_path / "second"]
    alone = hooked.run("-c", "pass", hook=False, path=tuple(folders), LOG=str(tmp_path / "alone"))
    folders.insert(place, hooked.inject)
    path = {"PYTHONPATH": ":".join(map(str, folders)), "LOG": str(tmp_path / "log")}
    done = hooked.run("-c", REPORT, **path)
    assert done.stderr == alone.stderr
    assert (tmp_path / "log").read_text() == (tmp_path / "alone").read_text()
    assert json.loads(done.stdout)["finders"] == 1


@pytest.mark.parametrize("chain", [name for name in CHAINS if name != "not at all"])
def test_a_sitecustomize_that_runs_the_next_one_where_there_is_none(hooked, tmp_path, chain):
    """It looks for one, finds ours again, and must see what it would have seen: no file, no error."""
    (tmp_path / "only").mkdir()
    (tmp_path / "only" / "sitecustomize.py").write_text(f"{LOG}{CHAINS[chain]}\nprint('to its end')\n")
    done = hooked.run("-c", "pass", path=(tmp_path / "only",), LOG=str(tmp_path / "log"))
    alone = hooked.run("-c", "pass", path=(tmp_path / "only",), LOG=str(tmp_path / "alone"), hook=False)
    assert (done.stdout, done.stderr) == ("to its end\n", alone.stderr)
    assert (tmp_path / "log").read_text() == "only "


def test_three_that_run_the_next_one(hooked, tmp_path):
    for name in ("first", "second", "third"):
        (tmp_path / name).mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(LOG + CHAINS["import"])
    (tmp_path / "second" / "sitecustomize.py").write_text(LOG)
    done = hooked.run("-c", REPORT, path=(tmp_path / "first", tmp_path / "second"), LOG=str(tmp_path / "log"))
    assert (tmp_path / "log").read_text() == "first second "
    assert json.loads(done.stdout)["name"] == str(tmp_path / "second" / "sitecustomize.py")


def test_an_import_through_a_loader_that_somebody_wrapped_is_an_import(hooked, tmp_path):
    """As ddtrace does it: where there is no other, the import must fail, and its own module keeps the name.

    Debian's own Python has another in its standard library, which is then found as it is without Holter.
    """
    (tmp_path / "sitecustomize.py").write_text(f"""{LOG}
from importlib.machinery import SourceFileLoader
_exec = SourceFileLoader.exec_module
SourceFileLoader.exec_module = lambda self, module: _exec(self, module)
_mine = sys.modules.pop("sitecustomize")
_path, sys.path = sys.path, {OTHERS}
try:
    import sitecustomize
except ImportError:
    sys.modules["sitecustomize"] = _mine
sys.path = _path
""")
    done = hooked.run("-c", REPORT, path=(tmp_path,), LOG=str(tmp_path / "log"))
    program = "import sitecustomize; print(sitecustomize.__file__)"
    alone = hooked.run("-c", program, path=(tmp_path,), LOG=str(tmp_path / "alone"), hook=False)
    assert done.stderr == ""
    assert json.loads(done.stdout) == {"finders": 1, "name": alone.stdout.strip()}
    assert (tmp_path / "log").read_text() == (tmp_path / "alone").read_text()


def test_names_that_the_next_one_makes_are_there_for_whoever_runs_it(hooked, tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(LOG + CHAINS["spec"] + "print(_module.made, _module.__file__)")
    (tmp_path / "second" / "sitecustomize.py").write_text("made = 'by second'\n")
    done = hooked.run("-c", "pass", path=(tmp_path / "first", tmp_path / "second"), LOG=str(tmp_path / "log"))
    assert done.stdout == f"by second {tmp_path / 'second' / 'sitecustomize.py'}\n"


def test_a_reload_runs_it_again(hooked, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(LOG)
    program = "import importlib, sitecustomize; importlib.reload(sitecustomize); print(sitecustomize.__file__)"
    done = hooked.run("-c", program, path=(tmp_path,), LOG=str(tmp_path / "log"))
    assert (done.stdout, done.stderr) == (f"{tmp_path / 'sitecustomize.py'}\n", "")
    assert (tmp_path / "log").read_text().split() == [tmp_path.name] * 2


def test_a_package_and_one_found_by_a_finder_of_its_own(hooked, tmp_path):
    (tmp_path / "package" / "sitecustomize").mkdir(parents=True)
    (tmp_path / "package" / "sitecustomize" / "__init__.py").write_text("print('package')")
    assert hooked.run("-c", "pass", path=(tmp_path / "package",)).stdout == "package\n"


VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
OUTSIDE = Path(sys.base_prefix) / "bin" / VERSION


@pytest.fixture
def outside(hooked, tmp_path):
    """Python outside of any virtual environment, with a user's site-packages of its own."""

    def run(*options: str, path: tuple[Path, ...] = (), hook_at: int = 0) -> subprocess.CompletedProcess[str]:
        folders = list(path)
        folders.insert(hook_at, hooked.inject)
        variables = hooked.environment(PYTHONUSERBASE=str(tmp_path / "base"), LOG=str(tmp_path / "log"))
        variables["PYTHONPATH"] = ":".join(map(str, folders))
        done = subprocess.run(
            [str(OUTSIDE), *options], env=variables, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.stderr == ""
        return done

    (tmp_path / "base" / "lib" / VERSION / "site-packages").mkdir(parents=True)
    return run


def test_a_usercustomize_of_the_user_runs_once(outside, tmp_path):
    folder = next((tmp_path / "base").rglob("site-packages"))
    (folder / "usercustomize.py").write_text(LOG)
    done = outside("-c", f"{REPORT}\nimport usercustomize; print(usercustomize.__file__)")
    assert json.loads(done.stdout.splitlines()[0])["finders"] == 1
    assert done.stdout.splitlines()[1] == str(folder / "usercustomize.py")
    assert (tmp_path / "log").read_text().split() == ["site-packages"]


def test_behind_a_sitecustomize_that_runs_no_other_the_hook_is_loaded_by_usercustomize(outside, tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "sitecustomize.py").write_text(LOG)
    done = outside("-c", REPORT, path=(tmp_path / "first",), hook_at=1)
    assert json.loads(done.stdout)["finders"] == 1
    assert (tmp_path / "log").read_text() == "first "
    program = "try:\n import usercustomize; print('there')\nexcept ImportError: print('none')"
    assert outside("-c", program).stdout == "none\n"


@pytest.mark.parametrize("option", ["-S", "-I", "-E", "-s"])
def test_a_python_that_does_not_look_for_it_runs_as_ever(outside, option):
    done = outside(option, "-c", "import sys; print('_holter_hook' in sys.modules)")
    assert done.stdout == f"{option == '-s'}\n"


def test_site_that_is_run_late_loads_the_hook(outside):
    program = "import site, sys; site.main(); print('_holter_hook' in sys.modules)"
    assert outside("-S", "-c", program).stdout == "True\n"


def test_a_virtual_environment_with_a_sitecustomize(hooked, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True, timeout=120)
    folder = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    (folder / "sitecustomize.py").write_text(LOG + CHAINS["import"])
    command = [tmp_path / "venv" / "bin" / "python", "-c", REPORT]
    (tmp_path / "log").touch()
    environ = hooked.environment(LOG=str(tmp_path / "log"))
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=60)
    # Debian's own Python finds that of its standard library first, and runs no other.
    is_first = not Path(sysconfig.get_path("stdlib"), "sitecustomize.py").exists()
    assert (tmp_path / "log").read_text().split() == (["site-packages"] if is_first else [])
    assert json.loads(done.stdout)["finders"] == 1
