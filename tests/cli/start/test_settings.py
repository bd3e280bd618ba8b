"""holter.toml and the variables: what is read, in which order, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holter.cli import _parameters
from holter.cli.start.settings import NEVER, SEVERAL, default_map, options_from_files, read, speak
from holter.errors import BadInput
from holter.reports.catalogue import phrase
from needs import needs

OPTIONS = {
    "run": frozenset({"lang", "notify", "metrics", "heal", "main-limit", "force", "tape"}),
    "diagnose": frozenset({"lang", "json"}),
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    (tmp_path / "home/.config/holter").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def write(home: Path, here: str = "", user: str = "") -> dict[str, str]:
    if here:
        Path("holter.toml").write_text(here)
    if user:
        (home / ".config/holter/holter.toml").write_text(user)
    return {"HOME": str(home)}


def test_the_nearer_file_counts_and_the_commands_own_table_first(home: Path) -> None:
    environ = write(
        home, 'notify = "ntfy:here"\n[run]\nmain-limit = 60', 'notify = "ntfy:user"\nlang = "zh"\n[run]\nheal = true'
    )
    settings = read(environ, lambda: OPTIONS)
    of_run = settings.of("run")
    assert {name: each.value for name, each in of_run.items()} == {
        "notify": "ntfy:here", "lang": "zh", "main-limit": "60", "heal": True,
    }  # fmt: skip
    assert of_run["notify"].source == "holter.toml"
    assert "main-limit" not in settings.of("diagnose")


def test_a_variable_is_stronger_than_a_file_and_empty_is_unset(home: Path) -> None:
    environ = write(home, 'lang = "zh"\nnotify = "ntfy:x"\n[run]\nnotify = "ntfy:y"')
    settings = read({**environ, "HOLTER_NOTIFY": "ntfy:z", "HOLTER_LANG": ""}, lambda: OPTIONS)
    assert settings.of("run")["notify"].value == "ntfy:z"
    assert settings.of("run")["lang"].value == "zh"


@pytest.mark.parametrize(
    ("content", "variable", "found"),
    [
        ("metrics = 9109", "", ("9109",)),
        ("metrics = [9109, 'textfile:/a,b']", "", ("9109", "textfile:/a,b")),
        ("metrics = []", "", ()),
        ("metrics = 1", " 0.0.0.0:9109 ,, textfile:/x y,", ("0.0.0.0:9109", "textfile:/x y")),
        ("", "[::1]:9109", ("[::1]:9109",)),
    ],
)
def test_what_may_be_given_several_times_is_a_list(home: Path, content: str, variable: str, found: object) -> None:
    environ = write(home, content, "metrics = 7")
    settings = read({**environ, "HOLTER_METRICS": variable}, lambda: OPTIONS)
    assert settings.of("run")["metrics"].value == (found if content or variable else ("7",))


def test_a_bad_value_in_a_variable_names_the_variable(home: Path) -> None:
    with pytest.raises(BadInput) as caught:
        read({"HOLTER_METRICS": "9109,nine"}, lambda: OPTIONS)
    assert phrase(caught.value.what, "en").startswith("HOLTER_METRICS: --metrics 'nine' is neither")


def test_the_address_of_the_documentation_is_no_option_and_must_be_an_address(home: Path) -> None:
    settings = read(write(home, "docs-url = 'https://wiki.example.org/holter'"), lambda: OPTIONS)
    environ: dict[str, str] = {}
    speak(settings, environ)
    assert environ == {"HOLTER_DOCS_URL": "https://wiki.example.org/holter"}
    assert default_map(settings, {"diagnose": {}}) == {}
    with pytest.raises(BadInput, match="docs"):
        read(write(home, "docs-url = 'my docs'"), lambda: OPTIONS)
    with pytest.raises(BadInput, match="HOLTER_DOCS_URL"):
        read({"HOLTER_DOCS_URL": "wiki"}, lambda: OPTIONS)
    with pytest.raises(BadInput, match="not an option of holter run"):
        read(write(home, "[run]\ndocs-url = 'https://wiki.example.org'"), lambda: OPTIONS)


def test_the_list_of_options_that_may_be_given_several_times_is_complete() -> None:
    several = {
        name
        for parameters in _parameters().values()
        for name, parameter in parameters.items()
        if parameter.multiple and name not in NEVER
    }
    assert several == set(SEVERAL)


def test_variables_are_set_only_where_nobody_has_set_them(home: Path) -> None:
    settings = read(write(home, "[environment]\nnnUNet_n_proc_DA = 6\nOMP_NUM_THREADS = '1'"), lambda: OPTIONS)
    found = settings.variables({"OMP_NUM_THREADS": "2"})
    assert {name: each.value for name, each in found.items()} == {"nnUNet_n_proc_DA": "6"}


def test_no_home_and_no_file_is_nothing(home: Path) -> None:
    assert read({}, lambda: OPTIONS).options == ()
    assert read({"HOME": "/dev/null"}, lambda: OPTIONS).files == ()


@pytest.mark.parametrize(
    ("content", "said", "step"),
    [
        ("notify = ", "not valid TOML", "--help"),
        ('\xff = "x"', "not valid TOML", "--help"),
        ("notfy = 'x'", "notfy, which is not an option of any command", "notify"),
        ("[run]\njson = true", "json, which is not an option of holter run", ""),
        ("[rum]\nheal = true", "[rum]", "[run]"),
        ("[run]\nforce = true", "force cannot be set", ""),
        ("notify = ['a']", "neither text nor a number", ""),
        ("[environment]\n'A B' = 1", "A B", ""),
        ("metrics = [9109, true]", "sets metrics to True", ""),
        ("[run]\nmetrics = [9109, 'textfiles:/x']", "--metrics 'textfiles:/x' is neither a port", "textfile:"),
        ("metrics = 'textfile:'", "names no folder", "--metrics"),
    ],
)
def test_a_mistake_is_named_with_the_nearest_name(home: Path, content: str, said: str, step: str) -> None:
    Path("holter.toml").write_text(content, encoding="latin-1")
    with pytest.raises(BadInput) as caught:
        read({}, lambda: OPTIONS)
    assert said in phrase(caught.value.what, "en") and "holter.toml" in phrase(caught.value.what, "en")
    assert step in phrase(caught.value.next_step, "en")


@needs("root")
def test_a_file_of_another_user_is_refused(home: Path) -> None:
    write(home, "lang = 'zh'")
    os.chown("holter.toml", 12345, 12345)
    with pytest.raises(BadInput, match="another user"):
        read({}, lambda: OPTIONS)


def holter(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "LANG": "C.UTF-8", **environ}
    return subprocess.run(
        [sys.executable, "-m", "holter", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env=variables,
        check=False,
    )


def test_config_shows_where_each_value_comes_from_and_no_secret(home: Path) -> None:
    environ = write(home, "notify = 'ntfy:s3cret'\n[environment]\nnnUNet_n_proc_DA = 6", "[train]\nstrict = true")
    done = holter("config", **environ)
    assert done.returncode == 0, done.stderr
    assert "s3cret" not in done.stdout
    assert "nnUNet_n_proc_DA" in done.stdout and "strict" in done.stdout and ".config/holter/holter.toml" in done.stdout
    assert done.stdout.splitlines()[-1] == "Verdict: 3 settings are in effect. Next: holter config --help"
    rows = json.loads(holter("config", "--json", **environ).stdout)["settings"]
    assert {(row["command"], row["name"]) for row in rows} == {
        (None, "notify"), ("train", "strict"), ("environment", "nnUNet_n_proc_DA"),
    }  # fmt: skip
    done = holter("config", HOLTER_LANG="zh", **environ)
    assert "设置" in done.stdout


def test_a_setting_works_and_the_command_line_is_stronger(home: Path) -> None:
    environ = write(home, "lang = 'zh'\n[environment]\nHOLTER_TEST_VALUE = 'from the file'")
    show = (
        "run",
        "--tape",
        "t.holter",
        "--",
        sys.executable,
        "-c",
        "import os; print(os.environ['HOLTER_TEST_VALUE'])",
    )
    done = holter(*show, **environ)
    assert done.stdout.strip() == "from the file"
    assert "HOLTER_TEST_VALUE=from the file" in done.stderr
    done = holter("explain", "frozen-worker", "--lang", "en", **environ)
    assert "worker" in done.stdout
    done = holter("explain", "frozen-worker", **environ)
    assert "进程" in done.stdout


def test_a_broken_file_stops_a_command_before_it_starts(home: Path) -> None:
    environ = write(home, "notfy = 1")
    done = holter("run", "--", "touch", "started", **environ)
    assert done.returncode == 2 and not Path("started").exists()
    assert "notfy" in done.stderr and "Traceback" not in done.stderr


def test_train_names_the_options_of_its_own_section_but_not_what_was_typed_or_is_secret(home: Path) -> None:
    environ = write(home, 'lang = "zh"\n[run]\nmain-limit = 60\nheal = true\nnotify = "ntfy:secret"')
    settings = read(environ, lambda: OPTIONS)
    said = [phrase(each, "en") for each in options_from_files(settings, "run", lambda name: name != "heal")]
    assert said == ["from holter.toml: --main-limit 60 --notify …"]
    assert options_from_files(settings, "run", lambda _: False) == []
