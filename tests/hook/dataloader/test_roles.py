"""Which loaders of a plain program train: also in the second fold, whatever their samplers are called."""

from __future__ import annotations

import pytest
import torch

from holter.hook.dataloader.roles import TRAIN, VAL, Roles

data = torch.utils.data


class SeedableRandomSampler(data.RandomSampler):
    """As Accelerate's."""


class Mine(data.Sampler):
    """A sampler of the user."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __iter__(self):
        return iter(torch.randperm(len(self.dataset)).tolist())


class Folds:
    """The epochs of a program: a letter is an iteration of the loader of a data set, lower case without gradients."""

    def __init__(self, sampler):
        self.roles, self.sampler, self.datasets = Roles(), sampler, {}

    def play(self, epochs: str) -> str:
        seen = ""
        for name in epochs:
            dataset = self.datasets.setdefault(name, data.TensorDataset(torch.zeros(4)))
            sampler = data.BatchSampler(self.sampler(dataset), 2, False)
            with torch.set_grad_enabled(name.isupper()):
                kind = self.roles.kind(dataset, sampler)
            self.roles.begun(kind)
            seen += {TRAIN: "T", VAL: "v"}[kind]
        return seen


@pytest.mark.parametrize("sampler", [data.RandomSampler, SeedableRandomSampler, Mine])
def test_every_fold_trains(sampler):
    assert Folds(sampler).play("AxAxByByCz") == "TvTvTvTvTv"


def test_a_validation_with_gradients_validates_and_a_fold_in_order_trains_from_its_second_epoch_on():
    assert Folds(data.SequentialSampler).play("AXAXAX") == "TvTvTv"
    assert Folds(data.SequentialSampler).play("AxAxByByBy") == "TvTvvvTvTv"


def test_a_persistent_loader_that_trains_again_is_seen_though_it_is_not_made_again():
    roles, first, other = Roles(), data.TensorDataset(torch.zeros(4)), data.TensorDataset(torch.zeros(4))
    assert roles.kind(first, data.SequentialSampler(first)) == TRAIN
    for _ in range(3):
        roles.begun(TRAIN)
        assert roles.kind(other, data.SequentialSampler(other)) == VAL
        roles.begun(VAL)


@pytest.mark.parametrize(("shuffle", "kind"), [(True, TRAIN), (False, VAL)])
def test_a_distributed_sampler_says_whether_it_shuffles(shuffle, kind):
    roles, first, other = Roles(), data.TensorDataset(torch.zeros(4)), data.TensorDataset(torch.zeros(4))
    roles.kind(first, data.RandomSampler(first))
    sampler = data.DistributedSampler(other, num_replicas=2, rank=0, shuffle=shuffle)
    assert roles.kind(other, sampler) == kind
