"""Settings are put into a holter.toml; nothing else in it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from holter.bench.tuning.settings_file import check, write
from holter.bench.tuning.tune import EVERYTHING
from holter.cli.start.settings import read
from holter.errors import BadInput

OPTIONS = {"train": frozenset({"loader", "main-limit", "lang", "notify"}), "tune": frozenset({"seconds"})}
TABLES = {"train": {"loader": "holter"}, "environment": {"HOLTER_LOADER_THREADS": 4, "nnUNet_compile": "f"}}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("holter.toml")


def test_a_new_file_is_what_train_reads(file: Path) -> None:
    write(file, TABLES, "holter tune 4 3d_fullres, 2026-01-01")
    settings = read({}, lambda: OPTIONS)
    assert settings.of("train")["loader"].value == "holter"
    variables = {name: each.value for name, each in settings.variables({}).items()}
    assert variables == {"HOLTER_LOADER_THREADS": "4", "nnUNet_compile": "f"}
    assert file.read_text().startswith("# holter tune 4 3d_fullres, 2026-01-01\n")


def test_comments_and_other_settings_stay_and_the_old_value_goes(file: Path) -> None:
    file.write_text(
        'lang = "zh"  # mine\n\n[environment] # all\nnnUNet_n_proc_DA = 6\nHOLTER_LOADER_THREADS = 12  # old\n\n'
        "[tune]\nseconds = 60\n"
    )
    file.chmod(0o640)
    write(file, TABLES, "not used")
    assert file.read_text() == (
        'lang = "zh"  # mine\n\n[environment] # all\nnnUNet_n_proc_DA = 6\nHOLTER_LOADER_THREADS = 4  # old\n'
        'nnUNet_compile = "f"\n\n[tune]\nseconds = 60\n\n[train]\nloader = "holter"\n'
    )
    assert file.stat().st_mode & 0o777 == 0o640
    once = file.read_text()
    write(file, TABLES, "not used")
    assert file.read_text() == once


def test_a_comment_stays_with_the_table_that_it_is_about(file: Path) -> None:
    file.write_text('[train]\nlang = "zh"\n# no workers: few cores\n\n# for all trainings\n[environment]\n# none yet\n')
    write(file, TABLES, "not used")
    assert file.read_text() == (
        '[train]\nlang = "zh"\nloader = "holter"\n# no workers: few cores\n\n# for all trainings\n[environment]\n'
        'HOLTER_LOADER_THREADS = 4\nnnUNet_compile = "f"\n# none yet\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "environment = { HOLTER_LOADER_THREADS = 2 }\n",
        "environment.HOLTER_LOADER_THREADS = 2\n",
        '[environment]\nHOLTER_LOADER_THREADS = """\n2"""\n',
        'notify = """\n[train]\n"""\n',
    ],
)
def test_a_form_that_cannot_be_changed_safely_is_left_and_the_lines_are_said(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(BadInput, match="in a form"):  # before the measurement, not after it
        check(file, EVERYTHING)
    with pytest.raises(BadInput) as said:
        write(file, TABLES, "not used")
    assert file.read_text() == text
    assert '[train]\nloader = "holter"\n[environment]\nHOLTER_LOADER_THREADS = 4' in str(said.value.next_step)
    assert [each.name for each in Path().iterdir()] == ["holter.toml"]


def test_a_link_stays_a_link(file: Path) -> None:
    Path("real.toml").write_text('lang = "zh"\n')
    file.symlink_to("real.toml")
    write(file, TABLES, "not used")
    assert file.is_symlink()
    assert 'loader = "holter"' in Path("real.toml").read_text()


def test_what_cannot_be_written_is_found_out_before_the_measurement(file: Path) -> None:
    file.write_text("lang = ")
    for bad in (file, Path("missing/holter.toml"), Path()):
        with pytest.raises(BadInput):
            check(bad, EVERYTHING)
    for text in ("", '[train]\nloader = "stock"\n[environment]\nnnUNet_compile = "t"\n'):
        file.write_text(text)
        check(file, EVERYTHING)
        assert file.read_text() == text
    check(Path("other.toml"), EVERYTHING)
    assert not Path("other.toml").exists()
