"""The generated images are the same for the same seed, and look like a brain to nnU-Net."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from needs import imported

np = imported("numpy")
nibabel = imported("nibabel")
imported("nilearn")

from holter.demo.dataset import DATASET_NAME, SIDES, SPACING_MM, Template, load_template, make_case, write_dataset  # noqa: E402


@pytest.fixture(scope="module")
def template() -> Template:
    return load_template()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_voxels_and_another_seed_others(template: Template) -> None:
    first, again, other = (make_case(template, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert all(np.array_equal(left, right) for left, right in zip(first, again, strict=True))
    assert first[0].shape != other[0].shape or not np.array_equal(first[0], other[0])


def test_white_matter_is_brighter_than_grey_and_every_class_is_there(template: Template) -> None:
    image, labels = make_case(template, np.random.default_rng(1))
    assert set(np.unique(labels)) == {0, 1, 2}
    assert all(SIDES[0] <= side <= SIDES[1] for side in image.shape)
    assert min((labels == label).mean() for label in range(3)) > 0.05
    assert image[labels == 2].mean() > image[labels == 1].mean() > image[labels == 0].mean()


@pytest.mark.slow
def test_a_case_does_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    alone = write_dataset(tmp_path / "one", cases=1, seed=3)
    two = write_dataset(tmp_path / "two", cases=2, seed=3)
    name = "imagesTr/brain_000_0000.nii.gz"
    left, right = nibabel.load(alone / name), nibabel.load(two / name)
    assert np.array_equal(left.get_fdata(), right.get_fdata())
    assert left.header.get_zooms() == (SPACING_MM,) * 3
    assert len(list((two / "labelsTr").iterdir())) == 2


@pytest.mark.slow
def test_the_data_set_says_that_it_is_no_patient_data(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path, cases=1)
    assert folder.name == DATASET_NAME
    content = json.loads((folder / "dataset.json").read_text())
    assert "not patient data" in content["description"]
    assert content["numTraining"] == 1
