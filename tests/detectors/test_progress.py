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


def test_an_unpacking_between_two_signs_of_the_start_up_is_no_step() -> None:
    """It took 70 s, and workers that were stopped soon after were replaced only after four times as long."""
    run, keeper = Run(step_s=0.5), ProgressKeeper()
    for tick in (*run.go(1, phase="startup"), *run.halt(70, phase="unpack"), *run.go(1, phase="startup"), *run.go(8)):
        keeper.see(tick)
    assert keeper.longest_step_s is not None and keeper.longest_step_s < 2
