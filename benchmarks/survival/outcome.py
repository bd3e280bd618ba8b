"""Result of one run of the campaign."""

from __future__ import annotations

import msgspec

from benchmarks.survival.account import Account

Key = tuple[str, str, bool, int]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Result of one run."""

    fault: str
    supervised: bool
    data: str
    number: int = 0  # number of the repetition
    skipped: str | None = None  # why it was not run
    survived: bool = False  # every epoch, a whole final checkpoint, exit code 0
    hung: bool = False
    exit_code: int | None = None
    begun_again: int = 0  # epochs that were started again
    finished_again: int = 0
    train_loss: float | None = None
    dice: float | None = None
    wall_s: float = 0.0
    silent_s: float | None = None  # longest time without a new line, without the duration of the fault itself
    faults: int = 0  # number of times that something was broken
    account: Account | None = None  # from the tape
    problem: str | None = None  # promise that was not kept

    @property
    def key(self) -> Key:
        """Key of the run, the same in every campaign."""
        return self.fault, self.data, self.supervised, self.number

    def line(self) -> str:
        """Return one line about the run for the terminal."""
        how = "with Holter" if self.supervised else "stock"
        end = "survived" if self.survived else "hangs" if self.hung else f"exit code {self.exit_code}"
        done = f", {' '.join(self.account.actions) or 'no action'}" if self.account else ""
        if self.account and self.account.back_s is not None:
            done += f", back after {self.account.back_s} s"
        done += f", {self.wall_s:.0f} s in all"
        return f"{self.fault} ({how}, {self.data}): {end}{done}" + (f" -- {self.problem}" if self.problem else "")
