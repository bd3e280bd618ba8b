"""Where it listens and what it prints."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from playing import holter_web

from holter.errors import BadInput
from holter.install import extra_line
from holter.views.web.listening import LOOPBACK, at_port, directions, tunnel


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_a_port_in_use_is_passed_over_and_named(tmp_path: Path) -> None:
    first = free_port()
    with socket.socket() as taken:
        taken.bind((LOOPBACK, first))
        taken.listen()
        with holter_web(tmp_path, "--port", str(first)) as web:
            assert web.port > first
            assert f"Port {first} is in use; this is the next free one." in web.words


def test_it_listens_on_this_machine_alone() -> None:
    place = at_port(free_port())
    try:
        assert place.listener.getsockname()[0] == LOOPBACK
    finally:
        place.close()


def test_the_last_ports_are_no_error_of_numbers() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 65535))
        taken.listen()
        with pytest.raises(BadInput, match="No port from 65535 to 65535 is free"):
            at_port(65535)


def test_the_tunnel_goes_as_the_user_came() -> None:
    place = at_port(free_port())
    try:
        plain = tunnel(place, "gpu3", {})
        assert plain.startswith(f"ssh -N -L {place.port}:127.0.0.1:{place.port} ") and plain.endswith("@gpu3")
        other = tunnel(place, "gpu3", {"SSH_CONNECTION": "10.0.0.9 50000 10.0.0.3 2222"})
        assert " -p 2222 " in other
        slurm = {"SLURM_JOB_ID": "77", "SLURM_SUBMIT_HOST": "login1", "SSH_CONNECTION": "1 2 3 2222"}
        through = tunnel(place, "node9", slurm)
        assert " -J " in through and "@login1 " in through and through.endswith("@node9") and " -p " not in through
        lines = [line.key for line in directions(place, "t", slurm)]
        assert "web.in-slurm" in lines
        assert "web.in-slurm" not in [line.key for line in directions(place, "t", {})]
        assert "web.vs-code" in [line.key for line in directions(place, "t", {"VSCODE_IPC_HOOK_CLI": "/x"})]
    finally:
        place.close()


def test_a_slurm_job_is_named(tmp_path: Path) -> None:
    with holter_web(tmp_path, SLURM_JOB_ID="4711", SLURM_SUBMIT_HOST="login1") as web:
        assert "This runs inside Slurm job 4711 on" in web.words


def test_without_the_extra_there_is_one_error_with_the_line_to_install(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('starlette', 'uvicorn'): raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        f"sys.argv = ['holter', 'web', {str(tmp_path)!r}, '--lang', 'en']\n"
        "from holter.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("holter: missing-extra: ") and "starlette and uvicorn" in done.stderr
    assert extra_line("web") in done.stderr
    assert "'starlette>=" in extra_line("web")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_place_that_does_not_exist_is_an_error_and_a_tape_to_come_is_none(tmp_path: Path) -> None:
    for name in ("no/run.holter", "nosuch"):
        command = [sys.executable, "-m", "holter", "web", str(tmp_path / name), "--lang", "en"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=os.environ)
        assert done.returncode == 2 and "There is no" in done.stderr
    with holter_web(tmp_path / "run.holter") as web:
        assert web.get("/")[0] == 200
