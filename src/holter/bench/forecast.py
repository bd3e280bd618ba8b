"""Derive from measured ceilings how long an epoch takes, what limits it, and what would change most. Pure."""

from __future__ import annotations

from holter.bench.records import FITS, Forecast, LimitName, Loader, Measured, Rate, Row, Side
from holter.sentences import define

# A step that waits longer than this for its batches is limited by them.
WAITS = 0.05
# With free cores, the network trains at its own ceiling beside a loader; this much less is taken from it.
SLOWED = 0.85
# The lowest ceiling alone must be near what was measured together, to be what limits it.
EXPLAINS = 1.6
# Another loader is advised for an epoch that is shorter than this share, and whose interval ends before the other's.
WORTH = 0.97
WORTH_UNSURE = 0.8  # without intervals

NETWORK = define("bench.row.network", "network alone")
AUGMENTATION = define("bench.row.augmentation", "augmentation, {loader}: {cores:g} x {per_core:.3g} of a core")
WARM = define("bench.row.warm", "reading from memory, {loader}")
COLD = define("bench.row.cold", "reading from disk, {loader}")
HAND_OVER = define("bench.row.hand-over", "hand-over, {loader}")
TOGETHER = define("bench.row.together", "all together, {loader}")
OURS = define("bench.loader.holter", "Holter's loader ({count} threads)", one="Holter's loader ({count} thread)")
STOCK = define("bench.loader.stock", "nnU-Net's loader ({count} workers)", one="nnU-Net's loader ({count} worker)")
NAMES = {"stock": STOCK, "holter": OURS}


def rows_of(measured: Measured) -> tuple[Row, ...]:
    """Return a row for each ceiling that was measured, in the order of the report."""
    rows = [_row(measured, "network", NETWORK(), measured.compute)]
    for side in sides(measured):
        loader, cores = NAMES[side.loader](count=side.readers), _cores(measured, side)
        ceilings = _ceilings(measured, side)
        limit = limit_of(measured, side) if side.together is not None else None
        named = {
            "augmentation": side.a_core and AUGMENTATION(loader=loader, cores=cores, per_core=side.a_core.per_s),
            "warm": WARM(loader=loader),
            "cold": COLD(loader=loader),
            "hand-over": HAND_OVER(loader=loader),
            "together": TOGETHER(loader=loader),
        }
        reading = "cold" if reads_from_disk(measured) else "warm"
        for key, name in named.items():
            rate = ceilings.get(key) if key != "together" else side.together
            if rate is not None and name is not None:
                limits = key == limit or (limit == "reading" and key == reading)
                rows.append(_row(measured, f"{key}.{side.loader}", name, rate, limits=limits))
    return tuple(rows)


def sides(measured: Measured) -> tuple[Side, ...]:
    """Return the loaders that were measured."""
    return (measured.stock,) if measured.holter is None else (measured.stock, measured.holter)


def forecast_of(measured: Measured, side: Side) -> Forecast | None:
    """Return the times of a training with this loader; None if it was not measured together with the network."""
    rate = side.together
    if rate is None:
        return None
    epoch_s = epoch_of(measured, side, rate.per_s)
    share = rate.per_s / measured.compute.per_s
    saves = measured.epochs // max(1, measured.save_every)
    return Forecast(
        loader=side.loader,
        readers=side.readers,
        share=share,
        spread=None if rate.spread is None else share * rate.spread,
        epoch_s=epoch_s,
        epoch_low_s=None if rate.high is None else epoch_of(measured, side, rate.high),
        epoch_high_s=None if rate.low is None else epoch_of(measured, side, rate.low),
        total_s=measured.epochs * epoch_s + saves * (measured.checkpoint_s or 0.0),
        limit=limit_of(measured, side),
        cores_wanted=cores_wanted(measured, side),
    )


def epoch_of(measured: Measured, side: Side, per_s: float) -> float:
    """Return the seconds of an epoch at ``per_s`` samples per second.

    Batches that are ready when the epoch begins are not waited for.
    """
    step_s, steps = measured.batch_size / per_s, measured.iterations
    train_s = steps * step_s
    if (side.wait_ratio or 0.0) > WAITS:
        least_s = steps * measured.batch_size / measured.compute.per_s
        train_s = max(least_s, (steps - min(side.ready, steps)) * step_s)
    return train_s + (side.val_epoch_s or 0.0) + (measured.epoch_end_s or 0.0)


def limit_of(measured: Measured, side: Side) -> LimitName:
    """Return what limits a training with this loader. ``side.together`` must have been measured."""
    assert side.together is not None
    together = side.together.per_s
    if (side.wait_ratio or 0.0) <= WAITS:
        return "network" if together >= SLOWED * measured.compute.per_s else "cores"
    ceilings = _ceilings(measured, side)
    reading = ceilings.get("cold" if reads_from_disk(measured) else "warm")
    candidates: dict[LimitName, Rate | None] = {
        "augmentation": ceilings.get("augmentation"),
        "reading": reading,
        "hand-over": ceilings.get("hand-over"),
    }
    known = {name: rate.per_s for name, rate in candidates.items() if rate is not None}
    if not known:
        return "cores"
    lowest = min(known, key=lambda name: known[name])
    return lowest if known[lowest] <= EXPLAINS * together else "cores"


def reads_from_disk(measured: Measured) -> bool:
    """Whether the training cases do not fit into the free memory, so that they are read from disk in every epoch."""
    return measured.free_bytes is not None and measured.data_bytes >= FITS * measured.free_bytes


def cores_wanted(measured: Measured, side: Side) -> float | None:
    """Return how many cores this loader needs to feed the network at full speed, beside those of the network itself.

    None if its augmentation was not measured.
    """
    if side.a_core is None:
        return None
    return measured.compute.per_s * (1 / side.a_core.per_s + (side.read_cpu_s or 0.0))


def better(stock: Forecast | None, holter: Forecast | None) -> Loader:
    """Return the loader to train with: Holter's only if its epoch is clearly shorter."""
    if stock is None or holter is None:
        return "stock"
    worth, apart = WORTH_UNSURE, True
    if holter.epoch_high_s is not None and stock.epoch_low_s is not None:
        worth, apart = WORTH, holter.epoch_high_s < stock.epoch_low_s
    return "holter" if apart and holter.epoch_s < worth * stock.epoch_s else "stock"


def _ceilings(measured: Measured, side: Side) -> dict[str, Rate]:
    rates = {
        "augmentation": None if side.a_core is None else _times(side.a_core, _cores(measured, side)),
        "warm": side.warm,
        "cold": side.cold,
        "hand-over": side.hand_over,
    }
    return {name: rate for name, rate in rates.items() if rate is not None}


def _cores(measured: Measured, side: Side) -> float:
    return min(float(max(1, side.readers)), measured.cpus)


def _times(rate: Rate, factor: float) -> Rate:
    return Rate(
        per_s=rate.per_s * factor,
        low=None if rate.low is None else rate.low * factor,
        high=None if rate.high is None else rate.high * factor,
    )


def _row(measured: Measured, key: str, name: object, rate: Rate, *, limits: bool = False) -> Row:
    # The epoch in which everything else costs nothing but the network's validation and the end of the epoch.
    samples = measured.iterations * measured.batch_size
    validation = measured.val_iterations * measured.batch_size / measured.val_compute.per_s
    return Row(
        key=key,
        name=name,  # type: ignore[arg-type]
        rate=rate,
        epoch_s=samples / rate.per_s + validation + (measured.epoch_end_s or 0.0),
        share=rate.per_s / measured.compute.per_s,
        limits=limits,
    )
