"""Who waits on whom, from the main thread on."""

from __future__ import annotations

import pytest

from holter.evidence import chain
from holter.evidence.fact_book import FactBook
from holter.records import Subject

WORKER = Subject(role="train-worker", index=0, pid=4711)


@pytest.mark.parametrize("is_stopped", [True, False])
def test_a_worker_that_was_stopped_is_named_while_main_still_has_batches(is_stopped: bool) -> None:
    """On a slow machine main computes for seconds before it misses the batch of the stopped worker."""
    book = FactBook()
    book.known("main.waits_on", "native-call")
    book.known("main.where", "train_step (nnUNetTrainer.py:1046)")
    if is_stopped:
        book.known("workers.stopped", (WORKER,))
    links = [(link.waiter, link.target) for link in chain.build(book)]
    assert links[0] == (chain.MAIN(), chain.NATIVE_CALL())
    assert links[1:] == ([(WORKER, chain.STOPPED())] if is_stopped else [])


def test_main_that_waits_for_a_batch_leads_to_the_stopped_worker() -> None:
    book = FactBook()
    book.known("main.waits_on", "batch-queue")
    book.known("workers.stopped", (WORKER,))
    links = [(link.waiter, link.target) for link in chain.build(book)]
    assert links == [(chain.MAIN(), chain.BATCH_QUEUE()), (chain.BATCH_QUEUE(), WORKER), (WORKER, chain.STOPPED())]
