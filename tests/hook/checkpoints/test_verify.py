"""Checkpoint files as torch writes them, and everything that can be wrong with one."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import random
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holter.hook.checkpoints import pickle_reader
from holter.hook.checkpoints.select import candidates, newest_good, prepare_to_continue, set_aside, verify
from holter.hook.checkpoints.verify import NEEDED
from needs import imported, needs

torch = imported("torch")
numpy = imported("numpy")

FINAL, LATEST, PREVIOUS, BEST = (f"checkpoint_{name}.pth" for name in ("final", "latest", "latest.previous", "best"))


def content(epoch: int = 3) -> dict:
    """What nnU-Net saves, of a small network; some types that occur in real files."""
    torch.manual_seed(epoch)
    network = torch.nn.Sequential(torch.nn.Conv3d(2, 8, 3), torch.nn.InstanceNorm3d(8, affine=True))
    optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.99)
    network(torch.zeros(1, 2, 5, 5, 5)).sum().backward()
    optimizer.step()
    return {
        "network_weights": network.state_dict(),
        "optimizer_state": optimizer.state_dict(),
        "grad_scaler_state": None,
        "logging": {"mean_fg_dice": [numpy.float64(0.5)] * epoch, "dice": [[numpy.float32(0.1)] * 3] * epoch},
        "_best_ema": numpy.float64(0.7),
        "current_epoch": epoch,
        "init_args": {"configuration": "3d_fullres", "device": torch.device("cpu"), "fold": 0},
        "trainer_name": "nnUNetTrainer",
        "inference_allowed_mirroring_axes": (0, 1, 2),
        "half": torch.ones(3).to(torch.bfloat16)[1:],
        "eight": torch.zeros(3).to(torch.float8_e4m3fn),
        "parameter": torch.nn.Parameter(torch.zeros(2)),
        "empty": torch.zeros(0, 4),
    }


def save(path: Path, epoch: int = 3, **changes: object) -> Path:
    torch.save({**content(epoch), **changes}, path)
    return path


def rewrite(path: Path, change, compression: int = zipfile.ZIP_STORED) -> None:
    """Write the archive anew, each member as ``change(name, data)`` gives it; None leaves it out."""
    with zipfile.ZipFile(path) as archive:
        members = [(member.filename, archive.read(member)) for member in archive.infolist()]
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members:
            if (new := change(name.partition("/")[2], data)) is not None:
                archive.writestr(name, new)


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return save(tmp_path / LATEST)


@pytest.fixture(scope="module")
def one_file(tmp_path_factory) -> bytes:
    return save(tmp_path_factory.mktemp("one") / LATEST).read_bytes()


def test_a_whole_checkpoint_tells_its_epoch_and_trainer(whole):
    for crc in (True, False):
        checked = verify(whole, crc=crc)
        assert checked[:3] == (True, "ok", None)
        assert checked.bytes == whole.stat().st_size
        assert (checked.current_epoch, checked.trainer_name, checked.holter_version) == (3, "nnUNetTrainer", None)


def test_the_version_of_holter_that_saved_it_is_told(tmp_path):
    assert verify(save(tmp_path / LATEST, holter={"version": "1.2"})).holter_version == "1.2"


def test_a_file_cut_anywhere_is_never_taken_for_whole(tmp_path, one_file):
    cut = tmp_path / "cut.pth"
    for length in range(0, len(one_file), 97):
        cut.write_bytes(one_file[:length])
        checked = verify(cut)
        assert not checked.ok and checked.kind in ("torn", "foreign"), length
    assert checked.problem == {"code": "cut-off"}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_does_no_harm(tmp_path, one_file, place, bit):
    damaged = bytearray(one_file)
    damaged[int(place * len(damaged))] ^= 1 << bit
    path = tmp_path / "flipped.pth"
    path.write_bytes(damaged)
    if verify(path).ok:
        loaded = torch.load(path, weights_only=False)["network_weights"]
        assert all(torch.equal(loaded[name], tensor) for name, tensor in content()["network_weights"].items())


def test_a_changed_tensor_is_named_and_only_the_quick_look_misses_it(whole):
    data = bytearray(whole.read_bytes())
    with zipfile.ZipFile(whole) as archive:
        head = archive.getinfo("checkpoint_latest/data/0").header_offset
    lengths = data[head + 26], data[head + 28]  # of name and padding in the local header
    data[head + 30 + sum(lengths)] ^= 1
    whole.write_bytes(data)
    assert verify(whole).problem == {"code": "crc", "name": "data/0"}
    assert verify(whole, crc=False).ok


@pytest.mark.parametrize(
    ("data", "kind", "problem"),
    [
        (b"", "torn", "empty"),
        (bytes(5000), "torn", "zeros"),
        (b"weights", "foreign", "not-a-checkpoint"),
        (pickle.dumps({"network_weights": 1}), "foreign", "not-a-checkpoint"),
    ],
)
def test_files_that_are_none_are_named(tmp_path, data, kind, problem):
    path = tmp_path / LATEST
    path.write_bytes(data)
    assert verify(path)[:3] == (False, kind, {"code": problem})


def test_a_missing_file_and_a_folder_are_not_torn(tmp_path):
    assert verify(tmp_path / LATEST)[1:3] == ("missing", {"code": "missing"})
    assert verify(tmp_path)[1:3] == ("unreadable", {"code": "unreadable", "error": "Is a directory"})


def test_other_programs_and_archives_are_named(tmp_path, whole):
    other = tmp_path / "other.pth"
    torch.save({"state_dict": {"weight": torch.zeros(2)}}, other)
    assert verify(other)[1:3] == ("foreign", {"code": "foreign"})
    torch.save([1, 2], other)
    assert verify(other).kind == "foreign"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("word/document.xml", "<a/>")
    assert verify(other)[1:3] == ("foreign", {"code": "no-index"})
    rewrite(whole, lambda _, data: data, zipfile.ZIP_DEFLATED)
    assert verify(whole)[1:3] == ("foreign", {"code": "compressed"})


@pytest.mark.parametrize("name", NEEDED[1:])
def test_what_nnunet_needs_to_go_on_is_missed(tmp_path, name):
    left = content()
    del left[name]
    torch.save(left, tmp_path / LATEST)
    checked = verify(tmp_path / LATEST)
    assert (checked.kind, checked.problem) == ("incomplete", {"code": "keys-missing", "names": [name]})


@pytest.mark.parametrize("epoch", [-1, "3", None, [3], True])
def test_an_epoch_that_is_no_number_is_missed(tmp_path, epoch):
    assert verify(save(tmp_path / LATEST, current_epoch=epoch)).problem == {"code": "no-epoch"}


def test_storages_that_are_missing_or_of_the_wrong_size_are_named(whole):
    kept = whole.read_bytes()
    rewrite(whole, lambda name, data: None if name == "data/1" else data)
    assert verify(whole, crc=False)[1:3] == ("torn", {"code": "part-missing", "name": "data/1"})
    whole.write_bytes(kept)
    rewrite(whole, lambda name, data: data[:-4] if name == "data/1" else data)
    assert verify(whole, crc=False)[1:3] == ("torn", {"code": "part-size", "name": "data/1"})


def test_a_tensor_beyond_its_storage_is_named(whole):
    shape = pickle.dumps((8, 2, 3, 3, 3), 2)[2:-3]  # BININT1s of the convolution's weight
    rewrite(
        whole, lambda name, data: data.replace(shape, shape.replace(b"K\x08", b"K\x09")) if name == "data.pkl" else data
    )
    assert verify(whole, crc=False)[1:3] == ("torn", {"code": "tensor-beyond", "name": "data/0"})


# ------------------------------------------------------------------------------------------------ hostile pickles


class Bomb:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


def test_a_pickle_that_would_run_something_is_read_without_running_it(tmp_path):
    mark = tmp_path / "it ran"
    path = save(tmp_path / LATEST, logging=Bomb(mark))
    assert verify(path).ok  # nnU-Net's own loader would run it; whether to trust a file is not ours to say
    assert not mark.exists()
    rewrite(path, lambda name, data: pickle.dumps(Bomb(mark)) if name == "data.pkl" else data)
    assert verify(path).kind == "foreign"
    rewrite(path, lambda name, data: b"cantigravity\nfly\n(tR." if name == "data.pkl" else data)
    assert verify(path).kind == "foreign"
    assert not mark.exists() and "antigravity" not in sys.modules


DEEP = 300_000  # C code that follows such a chain by recursion overflows its stack
HOSTILE = {
    "memo": b"\x80\x02}r\xff\xff\xff\xff.",
    "huge bytes": b"\x80\x04\x8e" + (1 << 62).to_bytes(8, "little") + b"abc.",
    "huge frame": b"\x80\x04\x95" + (1 << 62).to_bytes(8, "little") + b"}.",
    "digits": b"I" + b"9" * 100_000 + b"\n.",
    "hashed nest": b"\x80\x02}" + b")" + b"\x85" * DEEP + b"Ns.",
    "nested calls": b"\x80\x02cos\nsystem\n" + b")R" * DEEP + b".",
    "set of nests": b"\x80\x04\x8f(" + b")" + b"\x85" * DEEP + b"\x90.",
    "marks": b"(" * DEEP + b".",
    "nothing": b"",
    "no stop": b"\x80\x02}",
    "pops": b"\x80\x02000000.",
    "storage of another kind": b"\x80\x02(U\x07storageU\x01aU\x010U\x03cpuK\x01tQ.",
    "odd items": b"\x80\x02}(K\x01u.",
    "huge tensor": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\n"
    + b"U\x010U\x03cpuK\x00tQ"
    + b"\x8b" + (200_000).to_bytes(4, "little") + b"\x7f" * 200_000 + b"(K\x02K\x02t(K\x02K\x01ttR.",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles_end_quickly_in_a_problem(whole, name):
    rewrite(whole, lambda member, data: HOSTILE[name] if member == "data.pkl" else data)
    assert not verify(whole).ok


@settings(max_examples=300)
@given(st.binary(max_size=60), st.randoms(use_true_random=False))
def test_random_pickles_raise_nothing_else(data, draw: random.Random):
    valid = pickle.dumps({"a": [1, (2.0, {"b": {3}})], "c": b"d"}, draw.randrange(6))
    place = draw.randrange(len(valid) + 1)
    for written in (data, valid[:place] + data + valid[place:]):
        with contextlib.suppress(pickle_reader.NotUnderstood):
            pickle_reader.read(written)


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_is_read(protocol):
    value = {"a": [1, -70000, 2**70, (2.5, None, True)], "b": "text", 3: (), "deep": {"x": {"y": [[]]}}}
    assert pickle_reader.read(pickle.dumps(value, protocol)).root == value
    written = io.BytesIO()
    pickle._Pickler(written, protocol).dump(value)  # type: ignore[attr-defined]
    assert pickle_reader.read(written.getvalue()).root == value


def test_more_than_we_read_is_left_to_the_crc(whole, monkeypatch):
    monkeypatch.setattr(pickle_reader, "MAX_STEPS", 10)
    assert verify(whole)[:6] == (True, "ok", None, whole.stat().st_size, None, None)
    data = whole.read_bytes()
    whole.write_bytes(data.replace(b"network_weights", b"network_weightz"))
    assert verify(whole).problem == {"code": "crc", "name": "data.pkl"}


# -------------------------------------------------------------------------------------------------------- folders


def tear(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_order_is_final_then_by_epoch_and_torn_ones_first(tmp_path):
    for name, epoch in ((LATEST, 50), (PREVIOUS, 45), (BEST, 87)):
        save(tmp_path / name, epoch)
    assert [path.name for path in candidates(tmp_path)] == [BEST, LATEST, PREVIOUS]
    save(tmp_path / BEST, 50)
    tear(tmp_path / PREVIOUS)
    assert [path.name for path in candidates(tmp_path)] == [PREVIOUS, LATEST, BEST]
    save(tmp_path / FINAL, 10)
    assert candidates(tmp_path)[0].name == FINAL


def test_the_newest_good_one_is_found_past_bad_ones(tmp_path):
    for name, epoch in ((LATEST, 9), (PREVIOUS, 8), (BEST, 7)):
        save(tmp_path / name, epoch)
    assert newest_good(tmp_path) == (tmp_path / LATEST, [])
    tear(tmp_path / LATEST)
    assert newest_good(tmp_path) == (tmp_path / PREVIOUS, [(tmp_path / LATEST, {"code": "cut-off"})])
    assert newest_good(tmp_path / "missing") == (None, [])


def test_setting_aside_never_overwrites(tmp_path):
    made = []
    for text in ("first", "second"):
        (tmp_path / LATEST).write_text(text)
        made.append(set_aside(tmp_path / LATEST))
    assert [path.read_text() for path in made] == ["first", "second"]
    assert names(tmp_path) == [f"{LATEST}.torn-1", f"{LATEST}.torn-2"]


def test_the_generation_before_takes_the_place_of_a_torn_one(tmp_path):
    save(tmp_path / LATEST, 9), save(tmp_path / PREVIOUS, 8), save(tmp_path / BEST, 2)
    tear(tmp_path / LATEST)
    (tmp_path / f"{LATEST}.holter-tmp").write_text("left over")
    prepared = prepare_to_continue(tmp_path)
    aside = tmp_path / f"{LATEST}.torn-1"
    assert prepared[:3] == (tmp_path / LATEST, (aside,), True)
    assert prepared.problems == ((tmp_path / LATEST, {"code": "cut-off"}),)
    assert names(tmp_path) == sorted([BEST, LATEST, PREVIOUS, aside.name])
    assert verify(tmp_path / LATEST).current_epoch == 8
    assert not (tmp_path / LATEST).samefile(tmp_path / PREVIOUS)
    assert prepare_to_continue(tmp_path)[:3] == (tmp_path / LATEST, (), False)


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """As a user whom permissions stop, also where the tests run as root."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that everybody may reach and change."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


def test_one_that_cannot_be_read_is_not_called_torn_and_the_older_one_is_used(shared):
    save(shared / LATEST, 9), save(shared / PREVIOUS, 8)
    whole = (shared / LATEST).read_bytes()
    for name, mode in ((LATEST, 0o000), (PREVIOUS, 0o644)):
        (shared / name).chmod(mode)
    with nobody():
        prepared = prepare_to_continue(shared)
    aside = shared / f"{LATEST}.unread-1"
    assert prepared[:3] == (shared / LATEST, (aside,), True)
    problem = {"code": "unreadable", "error": "Permission denied"}
    may_be_whole = {"code": "may-be-whole", "problem": problem, "now": aside.name}
    assert prepared.problems == ((shared / LATEST, may_be_whole),)
    assert names(shared) == sorted([LATEST, PREVIOUS, aside.name])
    aside.chmod(0o644)
    assert aside.read_bytes() == whole and verify(shared / LATEST).current_epoch == 8


def test_one_that_cannot_be_read_and_is_in_nobodys_way_stays(shared):
    save(shared / LATEST, 8), save(shared / BEST, 9)
    (shared / LATEST).chmod(0o644), (shared / BEST).chmod(0o000)
    with nobody():
        prepared = prepare_to_continue(shared)
    assert prepared[:4] == (shared / LATEST, (), False, ())
    assert prepared.unread == ((shared / BEST, {"code": "unreadable", "error": "Permission denied"}),)
    assert names(shared) == sorted([BEST, LATEST])


def test_where_none_can_be_read_nothing_is_moved(shared):
    save(shared / LATEST, 9).chmod(0o000), tear(save(shared / PREVIOUS, 8))
    (shared / PREVIOUS).chmod(0o644)
    with nobody():
        prepared = prepare_to_continue(shared)
    assert prepared.used is None and len(prepared.problems) == 2
    assert names(shared) == sorted([LATEST, PREVIOUS])


def test_a_best_one_that_is_newer_is_what_is_loaded(tmp_path):
    save(tmp_path / LATEST, 50), save(tmp_path / BEST, 87)
    assert prepare_to_continue(tmp_path)[:3] == (tmp_path / BEST, (), False)
    assert names(tmp_path) == [BEST, PREVIOUS]


def test_a_torn_final_one_is_set_aside_and_a_good_one_is_used(tmp_path):
    save(tmp_path / FINAL, 10), save(tmp_path / BEST, 9)
    assert prepare_to_continue(tmp_path).used == tmp_path / FINAL
    tear(tmp_path / FINAL)
    assert prepare_to_continue(tmp_path)[:2] == (tmp_path / BEST, (tmp_path / f"{FINAL}.torn-1",))


def test_a_foreign_file_is_set_aside(tmp_path):
    torch.save({"model": 1}, tmp_path / LATEST)
    save(tmp_path / BEST, 5)
    prepared = prepare_to_continue(tmp_path)
    assert prepared.used == tmp_path / BEST
    assert prepared.problems[0][1] == {"code": "foreign"}
    assert f"{LATEST}.torn-1" in names(tmp_path)


def test_where_all_are_torn_nothing_is_moved(tmp_path):
    for name in (FINAL, LATEST, PREVIOUS, BEST):
        tear(save(tmp_path / name))
    prepared = prepare_to_continue(tmp_path)
    assert prepared[:3] == (None, (), False) and len(prepared.problems) == 4
    assert names(tmp_path) == sorted([FINAL, LATEST, PREVIOUS, BEST])
    assert prepare_to_continue(tmp_path / "missing") == (None, (), False, (), ())


def test_checkpoints_of_an_earlier_training_are_not_continued(tmp_path):
    save(tmp_path / FINAL, 1000), save(tmp_path / LATEST, 4)
    os.utime(tmp_path / FINAL, (1000, 1000))
    began = (tmp_path / LATEST).stat().st_mtime - 5
    assert prepare_to_continue(tmp_path, began).used == tmp_path / LATEST
    assert names(tmp_path) == [f"{FINAL}.earlier-1", LATEST]


@needs("root", "unshare")
def test_without_room_for_a_copy_the_generation_before_is_renamed(tmp_path):
    save(tmp_path / "good.pth", 8)
    program = f"""
import pathlib, shutil, sys
sys.path.insert(0, {str(Path(pickle_reader.__file__).parents[3])!r})
from holter.hook.checkpoints.select import prepare_to_continue
folder = pathlib.Path({str(tmp_path / "small")!r})
(folder / "{LATEST}").write_bytes(b"PK")
shutil.copy({str(tmp_path / "good.pth")!r}, folder / "{PREVIOUS}")
with open(folder / "filler", "wb", 0) as file:
    try:
        while file.write(bytes(4096)): pass
    except OSError: pass
print(prepare_to_continue(folder)[2], sorted(path.name for path in folder.iterdir()))
"""
    (tmp_path / "small").mkdir()
    mount = f"mount -t tmpfs -o size=200k tmpfs '{tmp_path / 'small'}' && exec '{sys.executable}' -c \"$PROGRAM\""
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount],
        env={**os.environ, "PROGRAM": program}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip(f"no file system of our own here: {done.stderr.strip()}")
    assert done.stdout == f"False ['{LATEST}', '{LATEST}.torn-1', 'filler']\n", done.stderr
