"""Several pieces of one case."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest

from diagnosis.logs import v2
from holter.diagnosis.logs import read_pasted
from holter.diagnosis.pieces import diagnose_pieces, text_of, with_texts
from holter.diagnosis.targets import diagnose_target
from holter.errors import EvidenceWrong, NotALog
from holter.reports.catalogue import phrase
from holter.reports.headline import could_be, headline
from holter.reports.quiet import is_of_outputs, quiet

LOG = (
    "RuntimeError: DataLoader worker (pid 4161) is killed by signal: Bus error. It is possible that dataloader's "
    "workers are out of shared memory. Please try to raise your shared memory limit.\n"
)
DF = "Filesystem      Size  Used Avail Use% Mounted on\nshm              64M   64M     0 100% /dev/shm\n"


def pieces(folder: Path, **texts: str):
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    targets = [str(folder / f"{name}.txt") for name in texts]
    return diagnose_pieces(targets, lambda target: diagnose_target(target, tell_observed=lambda _: None))


def test_pieces_become_one_case_and_each_fact_says_where_it_is_from(tmp_path: Path) -> None:
    result = pieces(tmp_path, log=LOG, df=DF)
    (diagnosis,) = result.diagnoses
    assert diagnosis.verdicts[0].cause == "shm-too-small"
    size = next(fact for fact in diagnosis.facts if fact.name == "shm.total_bytes")
    assert (size.value, "df.txt" in str(size.detail)) == (67108864.0, True)
    assert any(phrase(note, "en").startswith("df.txt: ") for note in result.notes)


def test_pieces_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    result = pieces(tmp_path, one=DF, two=DF.replace("64M", "16G").replace("100%", "3%"))
    notes = [phrase(note, "en") for note in result.notes]
    assert any("one.txt" in note and "two.txt" in note and "the first one counts" in note for note in notes)


def test_a_contradiction_names_a_piece_with_a_colon_in_full(tmp_path: Path) -> None:
    result = pieces(tmp_path, **{"log 10:30": DF, "b": DF.replace("64M", "16G").replace("100%", "3%")})
    notes = [phrase(note, "en") for note in result.notes]
    assert any("log 10:30.txt says 64" in note for note in notes)


def test_what_two_outputs_say_together_is_reckoned(tmp_path: Path) -> None:
    load = " 14:02:11 up 5 days,  2:11,  1 user,  load average: 96.12, 95.05, 90.90\n"
    story = "My nnU-Net training became slow, an epoch takes 800 s instead of 160 s.\n"
    result = pieces(tmp_path, story=story, uptime=load, nproc="$ nproc\n8\n", env="nnUNet_n_proc_DA=32\n")
    facts = {fact.name: fact for fact in result.diagnoses[-1].facts}
    assert (facts["cpu.load_ratio"].value, facts["cpu.workers_per_cpu"].value) == (12.015, 4.0)
    assert str(facts["cpu.load"].detail).startswith("uptime.txt: ")
    assert str(facts["setting.n_proc_da"].detail).startswith("env.txt: ")


def test_of_two_descriptions_the_clearer_one_counts(tmp_path: Path) -> None:
    found = pieces(
        tmp_path,
        a="My nnU-Net training is slow, the GPU utilization is low and reading the data from the share is slow.",
        b="The training hangs in docker.\nRuntimeError: DataLoader worker (pid 7) is killed by signal: Bus error.",
    )
    (resembled,) = [fact for fact in found.diagnoses[-1].facts if fact.name == "resembles"]
    causes = [str(match).partition(" ")[0] for match in resembled.value]
    assert causes[0] == "shm-too-small" and len(causes) == len(set(causes))
    assert not [note for note in found.notes if note.key == "piece.contradict"]


def test_a_piece_that_cannot_be_read_is_named_and_the_others_count(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    result = pieces(tmp_path, log=LOG, empty="")
    assert result.diagnoses
    assert any("empty.txt" in phrase(note, "en") for note in result.notes)


def test_two_readings_of_one_thing_at_two_moments_are_no_contradiction(tmp_path: Path) -> None:
    free = "        total  used  free  shared  buff/cache   available\nMem:  62Gi 60Gi 1Gi 1Gi 1Gi {}\n"
    result = pieces(tmp_path, one=LOG, two=free.format("600Mi"), three=free.format("500Mi"))
    assert not any("counts" in phrase(note, "en") for note in result.notes)


def test_a_pipe_is_a_piece_among_others(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(LOG)
    result = diagnose_pieces(
        [str(tmp_path / "log.txt"), "-"],
        lambda target: diagnose_target(target, tell_observed=lambda _: None),
        lambda: DF.encode(),
    )
    size = next(fact for fact in result.diagnoses[0].facts if fact.name == "shm.total_bytes")
    assert size.value == 67108864.0
    assert any("size of /dev/shm" in phrase(note, "en") for note in result.notes)


def test_a_kernel_log_from_before_the_training_accuses_nobody(tmp_path: Path) -> None:
    log = v2([160.0] * 3, cut=True)
    old = "[Mon Jan  8 03:00:00 2001] Out of memory: Killed process 99 (python) total-vm:1kB\n"
    names = {"training_log_2023_3_3_10_00_00": log, "dmesg": old}
    result = pieces(tmp_path, **names)
    facts = {fact.name: fact for fact in result.diagnoses[0].facts}
    assert facts["oom.kills"].value != 1
    assert any("long before the fault" in phrase(note, "en") for note in result.notes)
    together = read_pasted(io.BytesIO((log + old).encode()), "console.txt")
    assert {fact.name: fact.value for fact in together.diagnoses[0].facts}["oom.kills"] != 1


def test_what_could_be_comes_with_a_command_that_settles_it(tmp_path: Path) -> None:
    story = "nnU-Net v2 hangs in docker after the first epoch, no error. GPU 0 %.\n"
    result = pieces(tmp_path, story=story, df=DF)
    diagnosis = result.diagnoses[0]
    said = could_be(diagnosis, result.recording, "en")
    assert diagnosis.verdicts[0].cause == "shm-too-small"
    assert said is not None and said[0].startswith("Could be: Shared memory is too small")
    assert "cpu.max" not in said[1]


def test_outputs_that_show_nothing_wrong_accuse_nobody(tmp_path: Path) -> None:
    healthy = DF.replace("64M", "16G").replace("100%", "3%")
    result = diagnose_target(str(_file(tmp_path, "df.txt", healthy)), tell_observed=lambda _: None)
    assert not result.diagnoses and "use of /dev/shm" in phrase(result.notes[0], "en")
    assert "Nothing wrong" in quiet(result.recording, "en") and "may still have a problem" in quiet(
        result.recording, "en"
    )
    together = pieces(tmp_path, df=healthy, nproc="2\n")
    assert not together.diagnoses and "may still have a problem" in quiet(together.recording, "en")


def test_outputs_give_no_answer_for_words_beside_them_that_were_not_understood(tmp_path: Path) -> None:
    healthy = DF.replace("64M", "16G").replace("100%", "3%")
    with pytest.raises(NotALog, match="shows trouble"):
        pieces(tmp_path, df=healthy, story="My training is odd today.\n")
    story = f"My training has been odd since the new plans came, and I wonder what I could look at.\n\n{healthy}"
    with pytest.raises(NotALog, match="shows trouble"):
        read_pasted(io.BytesIO(story.encode()), "story.txt")


def test_an_output_that_shows_trouble_says_so_and_invents_no_standstill(tmp_path: Path) -> None:
    result = diagnose_target(str(_file(tmp_path, "df.txt", DF)), tell_observed=lambda _: None)
    said = headline(result.diagnoses[0], result.recording, "en")
    assert said.startswith("What was read shows a problem") and "Stalled" not in said
    assert result.diagnoses[0].verdicts[0].cause == "shm-too-small"


def _file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


@pytest.mark.parametrize(
    ("error", "limit", "reached"),
    [
        ("MemoryError: Unable to allocate 2.00 GiB for an array", "ulimit -v\n8388608\n", "address-space"),
        ("OSError: [Errno 27] File too large", "ulimit -f\n2097152\n", "file-size"),
        ("MemoryError: Unable to allocate 2.00 GiB for an array", "ulimit -v\nunlimited\n", None),
        ("KeyError: 'data'", "ulimit -v\n8388608\n", None),
    ],
)
def test_a_limit_explains_the_error_that_it_causes(tmp_path: Path, error: str, limit: str, reached: str | None) -> None:
    result = pieces(tmp_path, log=f"{error}\n", shell=f"$ {limit}")
    facts = {fact.name: fact for fact in result.diagnoses[0].facts}
    assert facts["limit.reached"].value == reached
    named = [verdict.cause for verdict in result.diagnoses[0].verdicts if verdict.verdict in ("likely", "confirmed")]
    assert ("process-limit" in named) == (reached is not None)


def test_a_vague_sentence_takes_nothing_from_a_clear_story(tmp_path: Path) -> None:
    story = (
        "My nnU-Net training on a GRID T4-8Q drops from 100% to 0% GPU after 5 epochs, epoch time 160 s -> 25000 s. "
        "No error.\n"
    )
    for texts in ({"story": story, "vague": VAGUE}, {"vague": VAGUE, "story": story}):
        assert pieces(tmp_path, **texts).diagnoses[-1].verdicts[0].cause == "vgpu-unlicensed"


VAGUE = "It hangs at epoch 3, GPU 0%, no error.\n"


def test_a_kernel_log_from_before_a_part_of_a_log_accuses_nobody(tmp_path: Path) -> None:
    part = "2024-01-12 19:00:29.517981: Epoch 0\n2024-01-12 19:03:09.519981: Epoch time: 160.0 s\n"
    kill = "[{} 2024] Out of memory: Killed process 99 (python) total-vm:1kB\n"
    old = pieces(tmp_path, part=part, dmesg=kill.format("Mon Jan  8 03:00:00"))
    assert not old.diagnoses and is_of_outputs(old.recording)  # no all-clear
    assert any("long before the fault" in phrase(note, "en") for note in old.notes)
    new = pieces(tmp_path, part=part, dmesg=kill.format("Fri Jan 12 19:05:59"))
    assert new.diagnoses[-1].verdicts[0].cause == "ram-oom-train-worker"


def test_a_folder_of_texts_is_its_texts(tmp_path: Path) -> None:
    for name, text in {"a.txt": VAGUE, "df.out": DF, "photo.png": "", "script.py": ""}.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "empty").mkdir()
    assert with_texts([str(tmp_path), "-"]) == [str(tmp_path / "a.txt"), str(tmp_path / "df.out"), "-"]
    assert with_texts([str(tmp_path / "empty")]) == [str(tmp_path / "empty")]


def test_json_that_docker_prints_is_read_as_its_output(tmp_path: Path) -> None:
    inspect = _file(tmp_path, "inspect.json", '[{"HostConfig": {"IpcMode": "private", "ShmSize": 67108864}}]\n')
    (diagnosis,) = diagnose_target(str(inspect), tell_observed=lambda _: None).diagnoses
    assert diagnosis.verdicts[0].cause == "shm-too-small"
    with pytest.raises(EvidenceWrong):
        diagnose_target(str(_file(tmp_path, "other.json", '{"a": 1}\n')), tell_observed=lambda _: None)


def test_a_compressed_piece_gives_its_words(tmp_path: Path) -> None:
    (tmp_path / "df.txt.gz").write_bytes(gzip.compress(DF.encode()))
    assert text_of(str(tmp_path / "df.txt.gz")).splitlines() == DF.splitlines()
