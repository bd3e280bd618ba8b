"""The service file that ``--service`` prints: systemd takes it, and it says what was typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from holter.errors import BadInput
from holter.reports.catalogue import Lang
from holter.study.clusters.service import disks_of, unit_of
from needs import needs
from study.conftest import World

WORDS = ("study", "run", "4", "-c", "2d", "--out", 'a "b" 100% $HOME \\x')


def test_it_runs_the_same_command_in_the_same_folder_with_nnunets_folders(world: World) -> None:
    command = [sys.executable, "-m", "holter", "study", "run", "4", "-c", "2d", "--slots", "2", "--service"]
    environ = {**os.environ, **world.environ, "nnUNet_raw": "raw", "HOLTER_NOTIFY": "ntfy:mine"}
    done = subprocess.run(command, cwd=world.folder, env=environ, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert f'ExecStart="{sys.executable}" "-m" "holter" "study" "run" "4" "-c" "2d" "--slots" "2"' in lines
    # With "-" where the folder may be missing before its disk is mounted.
    assert {f"WorkingDirectory={world.folder}", f"WorkingDirectory=-{world.folder}"} & set(lines)
    assert f'Environment="nnUNet_results={world.environ["nnUNet_results"]}"' in lines
    assert f'Environment="nnUNet_raw={world.folder}/raw"' in lines
    assert "KillMode=process" in lines and "Restart=on-abnormal" in lines
    assert "ntfy:mine" not in done.stdout and "HOLTER_NOTIFY" in done.stdout, "named, but not told"
    assert not list(world.folder.glob("holter-study*")), "nothing is started or written"


@needs("systemd")
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_systemd_reads_it_and_sees_each_word_as_it_was_typed(tmp_path: Path, lang: Lang) -> None:
    folder = tmp_path / "with a blank"
    folder.mkdir()
    file = tmp_path / "holter-study.service"
    environ = {"nnUNet_raw": "/raw 50%", "HOLTER_X": 'a"b\\c', "PATH": os.environ["PATH"], "OTHER": "no"}
    file.write_text(unit_of(WORDS, folder, environ, lang))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(file)],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
        capture_output=True,
        text=True,
    )
    complaints = [line for line in done.stderr.splitlines() if file.name in line]
    assert not complaints, done.stderr
    text = file.read_text()
    assert r'"a \"b\" 100%% $$HOME \\x"' in text and r'Environment="HOLTER_X=a\"b\\c"' in text
    assert 'Environment="nnUNet_raw=/raw 50%%"' in text and "OTHER" not in text


# Prints the service file with a disk there; then the disk goes, the service's wait begins, and the disk comes back.
REBOOT = """
mount -t tmpfs disk "$1" && mkdir "$1/results" "$1/work" && cd "$1/work" || exit 3
"$2" -m holter study run 4 -c 2d --slots 1 --service > "$3" || exit 4
cd / && umount "$1" || exit 5
wait_for="$(sed -n 's/^ExecStartPre=//p' "$3" | head -n 1 | sed 's/\\$\\$/$/g')"
sh -c "$wait_for" & pid=$!
sleep 1; kill -0 $pid || exit 6
mount -t tmpfs disk "$1" && wait $pid || exit 7
"""


@pytest.mark.slow
@needs("root", "unshare")
def test_after_a_reboot_it_waits_for_the_disk_of_the_results(world: World) -> None:
    disk, file = world.folder / "a disk", world.folder / "unit"
    disk.mkdir()
    environ = {**os.environ, **world.environ, "nnUNet_results": f"{disk}/results", "HOLTER_LANG": "en"}
    # With a first process of its own: what only this namespace has mounted is no disk of a service.
    apart = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"]
    command = [*apart, "sh", "-c", REBOOT, "sh", str(disk), sys.executable, str(file)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert done.stdout == f"holter: waits until a disk is mounted on {disk}\n", "once"
    lines = file.read_text().splitlines()
    assert f"WorkingDirectory=-{disk}/work" in lines, "it may be missing before the wait"
    assert f'ExecStartPre=/bin/sh -c \'test -d "$$0"\' "{disk}/work"' in lines and "TimeoutStartSec=infinity" in lines
    assert sum(line.startswith("ExecStartPre=") for line in lines) == 2, "the root is always there"


def test_its_comments_and_its_study_speak_the_language_of_the_one_who_asked(world: World) -> None:
    environ = {**os.environ, **world.environ, "HOLTER_NOTIFY": "ntfy:mine", "nnUNet_raw": "not/mounted"}
    command = [sys.executable, "-m", "holter", "study", "run", "4", "-c", "2d", "--slots", "1", "--service"]
    spoken = {}
    for lang in ("en", "zh"):
        words = [*command, "--lang", lang]
        spoken[lang] = subprocess.run(words, cwd=world.folder, env=environ, capture_output=True, text=True, check=True)
    comments = {
        lang: [line for line in done.stdout.splitlines() if re.match(r"# \S|.*\S +# ", line)]
        for lang, done in spoken.items()
    }
    assert len(comments["en"]) == len(comments["zh"]) >= 5
    assert not any(re.search("[一-鿿]", line) for line in comments["en"])
    assert all(re.search("[一-鿿]", line) for line in comments["zh"]), comments["zh"]
    assert 'Environment="HOLTER_LANG=zh"' in spoken["zh"].stdout.splitlines()


MOUNT = "36 {parent} 98:{number} / {point} rw - ext4 /dev/sda{number} rw\n"


def test_it_waits_for_disks_that_the_first_process_has_and_for_all_that_the_study_needs(tmp_path: Path) -> None:
    proc = tmp_path / "proc"
    for process, points in (("1", ("/", "/data", "/home", "/etc/ours")), ("self", ("/", "/home/bound"))):
        (proc / process).mkdir(parents=True)
        lines = [MOUNT.format(parent=1, number=number, point=point) for number, point in enumerate(points)]
        (proc / process / "mountinfo").write_text("".join(lines))
    kept = {"XDG_STATE_HOME": "/data/state", "HOLTER_CONFIG": "/etc/ours/holter.toml", "nnUNet_raw": "/mnt/raw"}
    assert disks_of(("study", "run", "/home/bound/study.toml"), Path("/work"), kept, Path("out"), proc) == [
        "/data", "/etc/ours", "/home",
    ]  # fmt: skip
    assert disks_of(("study", "run", "4"), Path("/work"), {"HOME": "/nowhere"}, Path("/home/out"), proc) == ["/home"]
    (proc / "1" / "mountinfo").unlink()
    assert disks_of(("study", "run", "4"), Path("/home/bound"), kept, Path("out"), proc) == ["/home/bound"]


def test_a_results_folder_that_is_not_there_now_is_named(world: World) -> None:
    here = unit_of(WORDS, world.folder, world.environ, "en")
    assert "Not there now" not in here
    environ = {**world.environ, "nnUNet_results": str(world.folder / "not-mounted")}
    gone = unit_of(WORDS, world.folder, environ, "en")
    assert "# Not there now" in gone and "after a reboot: nnUNet_results\n" in gone


def test_what_no_line_of_such_a_file_can_hold_is_an_error() -> None:
    with pytest.raises(BadInput, match="nnUNet_x has a line break") as raised:
        unit_of(WORDS, Path("/"), {"nnUNet_x": "a\nExecStart=/bin/evil"}, "en")
    assert raised.value.next_step
    assert not re.search("evil", str(raised.value))
