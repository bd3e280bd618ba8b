from detectors.running import Run
from holter.detectors.progress import ENOUGH_STEPS, ProgressKeeper


def test_after_a_standstill_that_was_the_only_length_known_none_is_known() -> None:
    run, keeper = Run(step_s=0.5), ProgressKeeper()
    for tick in run.go(1):
        keeper.see(tick)
    run.steps += ENOUGH_STEPS  # as many at once: one mean length
    for tick in run.go(1):
        keeper.see(tick)
    assert keeper.longest_step_s is not None
    keeper.unlearn()
    assert keeper.longest_step_s is None
