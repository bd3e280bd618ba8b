"""Holter's loader is admitted by the code of the installed nnU-Net, whatever its version number says."""

from __future__ import annotations

import types

import pytest

from holter.errors import LoaderNotReplaced, UntestedVersion
from holter.trainer import entry, same_code
from holter.trainer.same_code import KNOWN, check_code, fingerprint

CODE = """
    def get_bbox(self, shape):
        # a comment
        if shape:
            return 1

        return 2  # another
"""


def test_the_nnunet_of_these_tests_is_admitted_whatever_it_calls_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_code.importlib.metadata, "version", lambda _: "99.0")
    check_code()


def test_a_changed_part_is_refused_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from nnunetv2.training.dataloading.data_loader import nnUNetDataLoader

    monkeypatch.setattr(nnUNetDataLoader, "get_bbox", lambda self, *_: ([0], [1]))
    with pytest.raises(UntestedVersion, match=r"its nnUNetDataLoader\.get_bbox is not that of 2\.8\.1"):
        check_code()


@pytest.mark.parametrize("module_path", list(KNOWN), ids=lambda pair: pair[1])
def test_a_part_that_is_missing_is_refused(module_path, monkeypatch: pytest.MonkeyPatch) -> None:
    module, path = module_path
    monkeypatch.setattr(same_code, "KNOWN", {(module, path + "_of_another_time"): KNOWN[module_path]})
    with pytest.raises(UntestedVersion, match="of_another_time"):
        check_code()


def test_only_what_a_function_does_counts() -> None:
    same = CODE.replace("# a comment", "# changed").replace("  # another", "")
    same = "\n".join(line.removeprefix("    ") for line in same.splitlines() if line.strip())
    assert fingerprint(same) == fingerprint(CODE)
    for before, after in (
        ("return 2", "return 3"),
        ("            return 1", "        return 1"),
        ("shape)", "shape=0)"),
    ):
        assert before in CODE
        assert fingerprint(CODE.replace(before, after)) != fingerprint(CODE)


def test_the_search_of_nnunet_before_2_8_is_replaced_too() -> None:
    module = types.SimpleNamespace(recursive_find_python_class=None)
    entry.replace_search(module, "stock")
    found = module.recursive_find_python_class("folder", "nnUNetTrainer", "nnunetv2.training.nnUNetTrainer")
    assert found.__name__ == "nnUNetTrainer"


def test_a_loader_that_was_asked_for_is_not_left_out_in_silence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = types.SimpleNamespace()
    entry.replace_search(unknown, "stock")
    for lang, said in (("en", "nnU-Net's own data loader is used: this nnU-Net"), ("zh", "使用 nnU-Net")):
        monkeypatch.setenv("HOLTER_LANG", lang)
        entry.replace_search(unknown, "auto")
        assert said in capsys.readouterr().err
    with pytest.raises(LoaderNotReplaced, match="a way that Holter does not know"):
        entry.replace_search(unknown, "holter")
