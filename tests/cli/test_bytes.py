"""Arguments, paths and variables that are no UTF-8, and terminals that take ASCII alone."""

from __future__ import annotations

import http.server
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from holter.records import ExceptionSeen
from holter.tape import read

HOLTER = (sys.executable, "-m", "holter")
ODD = os.fsdecode(b"x\xff")
# Python's own rescue (UTF-8 mode, another locale) switched off.
BARE_ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
UTF_8 = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}


def holter(*arguments: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **UTF_8, **variables}
    return subprocess.run(
        [*HOLTER, *arguments], cwd=cwd, capture_output=True, timeout=120, check=False, env=environment
    )


@pytest.fixture
def odd_folder(tmp_path: Path) -> Path:
    try:
        (tmp_path / ODD).mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    return tmp_path / ODD


def test_an_argument_reaches_the_command_as_it_is_and_the_tape_readable(tmp_path):
    show = "import os, sys, time; time.sleep(1.5); print(os.fsencode(sys.argv[1])); sys.exit(4)"
    state = {"XDG_STATE_HOME": str(tmp_path)}
    done = holter("run", "-o", "t.holter", "--", sys.executable, "-c", show, ODD, cwd=tmp_path, **state)
    assert (done.returncode, done.stdout) == (4, b"b'x\\xff'\n"), done.stderr
    assert b"recorded" not in done.stderr and b"failed" not in done.stderr and b"Error" not in done.stderr
    recording = read(tmp_path / "t.holter")
    assert recording.environment.command[-1] == "x\\xff"
    assert recording.finished and len(recording.all_ticks) >= 3
    listed = holter("list", "--json", cwd=tmp_path, **state).stdout
    assert b"t.holter" in listed and b"\\\\xff" in listed


@pytest.mark.parametrize("variables", [UTF_8, BARE_ASCII], ids=["utf-8", "ascii"])
@pytest.mark.long
def test_reports_of_a_tape_below_an_odd_folder(tmp_path, odd_folder, variables):
    tape = f"{ODD}/{ODD}.holter"
    done = holter("run", "--lang", "zh", "-o", tape, "--", "sh", "-c", "exit 3", ODD, cwd=tmp_path, **variables)
    assert done.returncode == 3, done.stderr
    assert b"Traceback" not in done.stderr
    done.stderr.decode("utf-8")
    told = holter("diagnose", tape, "--json", "--lang", "zh", cwd=tmp_path, **variables)
    assert told.returncode == 1, told.stderr
    assert json.loads(told.stdout)["tape"] == tape
    for command in (("diagnose", "--lang", "zh"), ("report",), ("export",), ("explain", "--lang", "zh")):
        target = () if command[0] == "explain" else (tape,)
        done = holter(*command, *target, cwd=tmp_path, **variables)
        assert done.returncode in (0, 1) and b"Error" not in done.stderr, (command, done.stderr)
    assert (odd_folder / f"{ODD}.html").exists()


@pytest.mark.long
def test_variables_folders_and_the_temporary_folder(tmp_path, odd_folder):
    paths = {name: str(odd_folder) for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results", "TMPDIR")}
    show = "import os; print(os.environ['nnUNet_raw'] == os.environ['TMPDIR'], os.environ['HOLTER_SCRATCH'][:2])"
    done = holter("run", "--", sys.executable, "-c", f"import time; time.sleep(2)\n{show}", cwd=odd_folder, **paths)
    assert (done.returncode, done.stdout.split()[0]) == (0, b"True")
    assert b"failed" not in done.stderr, done.stderr
    recording = read(next(odd_folder.glob("*.holter")))
    assert dict(recording.environment.variables)["nnUNet_results"].endswith("x\\xff")
    assert [path.name for path in odd_folder.iterdir()] == [recording_name(odd_folder)], "the scratch folder is removed"


def recording_name(folder: Path) -> str:
    return next(folder.glob("*.holter")).name


@pytest.mark.long
def test_an_exception_that_names_an_odd_file_is_on_the_tape(tmp_path):
    (tmp_path / "batchgenerators").mkdir()
    (tmp_path / "batchgenerators" / "__init__.py").write_text("")
    program = "import batchgenerators, time; time.sleep(2); open('/data/x\\udcff')"
    variables = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    done = holter("run", "-o", "t.holter", "--", sys.executable, "-c", program, cwd=tmp_path, **variables)
    assert done.returncode == 1
    seen = read(tmp_path / "t.holter").events(ExceptionSeen)
    assert [error.error for error in seen] == ["FileNotFoundError"]
    assert "x\\udcff" in seen[0].message


def test_a_notification_about_an_odd_command_arrives(tmp_path):
    got: list[dict] = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        done = holter("run", "--notify", url, "-o", "t.holter", "--", "sh", "-c", "exit 3", ODD, cwd=tmp_path)
        server.shutdown()
    assert done.returncode == 3
    assert b"cannot be sent" not in done.stderr
    assert "finish" in got[-1]["events"] and "x" in got[-1]["title"]


def test_errors_name_an_odd_target(tmp_path):
    done = holter("run", "--", f"no-such-{ODD}", cwd=tmp_path)
    assert done.returncode == 2
    assert b"no-such-x" in done.stderr and b"Traceback" not in done.stderr
    assert holter("diagnose", ODD, cwd=tmp_path).returncode == 2


def test_chinese_that_the_terminal_cannot_show_becomes_english_and_one_line_says_so(tmp_path):
    asked = holter("explain", "frozen-worker", "--lang", "zh", cwd=tmp_path, **BARE_ASCII)
    assert asked.stdout.isascii() and b"\\u" not in asked.stdout and b"How we know" in asked.stdout
    line = asked.stderr.splitlines()[0]
    assert line.startswith(b"holter: The encoding of this terminal (ascii) has no Chinese characters")
    as_json = holter("list", "--json", "--lang", "zh", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path), **BARE_ASCII)
    assert (as_json.returncode, as_json.stderr) == (0, b"")
    told = holter("explain", "frozen-worker", "--lang", "zh", cwd=tmp_path)
    assert "发生了什么" in told.stdout.decode() and b"encoding" not in told.stderr
