"""The random parameters of two pipelines as plain numbers: stock's transforms, and the chain made from them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import stats

from holter.transforms import Chain
from holter.transforms.local.bump import field

Numbers = dict[str, list[float]]
MOST_CATEGORIES = 40  # with at most this many values it is a count, with more a measurement


class Comparison(NamedTuple):
    """One drawn quantity of one transform; ``p`` is small if the two sides differ."""

    name: str
    stock: int  # number of draws
    ours: int
    test: str
    p: float


class Pair(NamedTuple):
    """A transform of stock and the index of its counterpart in the chain."""

    name: str
    transform: Any
    step: int


def draw_stock(pairs: Sequence[Pair], channels: int, samples: int, size: Sequence[int]) -> Numbers:
    """Return every parameter that stock draws for that many samples; only the image's shape is used."""
    numbers: Numbers = defaultdict(list)
    image = torch.zeros((channels, *size))
    for _ in range(samples):
        for name, transform, _step in pairs:
            inner, fires = transform, True
            if type(transform).__name__ == "RandomTransform":
                inner, fires = transform.transform, transform.get_parameters()["apply_transform"]
            parameters = inner.get_parameters(image=image) if fires else None
            _add(numbers, name, STOCK[type(inner).__name__](parameters, channels))
    return numbers


def draw_ours(pairs: Sequence[Pair], chain: Chain, channels: int, samples: int, seed: int) -> Numbers:
    """Return every parameter that the chain draws, under the same names."""
    numbers: Numbers = defaultdict(list)
    rng = np.random.default_rng(seed)
    for _ in range(samples):
        drawn = chain.draw(rng, channels).draws
        for name, transform, step in pairs:
            inner = getattr(transform, "transform", transform)
            _add(numbers, name, OURS[type(inner).__name__](drawn[step], channels))
    return numbers


def pairs_of(compose: Any, chain: Chain) -> list[Pair]:
    """Return the transforms that draw something, numbered if there are two of a kind."""
    transforms = iter(compose.transforms)
    pairs: list[Pair] = []
    for step, (stock, _) in enumerate(chain.mapping):
        for _name in stock.split(" > "):
            transform = next(transforms)
            kind = type(getattr(transform, "transform", transform)).__name__
            if kind in STOCK:
                twins = sum(pair.name.startswith(kind) for pair in pairs)
                pairs.append(Pair(f"{kind} {twins + 1}" if twins else kind, transform, step))
    return pairs


def compare(stock: Numbers, ours: Numbers) -> list[Comparison]:
    """Compare with chi-square for counts and Kolmogorov-Smirnov for measurements."""
    return [_compare(name, stock.get(name, []), ours.get(name, [])) for name in sorted({*stock, *ours})]


def _compare(name: str, stock: list[float], ours: list[float]) -> Comparison:
    if not stock or not ours:
        return Comparison(name, len(stock), len(ours), "missing", 0.0)
    values = np.unique(np.concatenate([stock, ours]))
    if len(values) > MOST_CATEGORIES:
        return Comparison(name, len(stock), len(ours), "KS", float(stats.ks_2samp(stock, ours).pvalue))
    if len(values) == 1:
        return Comparison(name, len(stock), len(ours), "constant", 1.0)
    table = [[int(np.sum(np.asarray(side) == value)) for value in values] for side in (stock, ours)]
    return Comparison(name, len(stock), len(ours), "chi-square", float(stats.chi2_contingency(table).pvalue))


def _add(into: Numbers, name: str, numbers: Mapping[str, Sequence[float]]) -> None:
    for key, values in numbers.items():
        into[f"{name}: {key}"].extend(float(value) for value in values)


def _spatial(affine: Any) -> Numbers:
    if affine is None:
        return {"kind": [0]}
    matrix = np.asarray(affine)
    factor = abs(np.linalg.det(matrix)) ** (1 / len(matrix))
    turned, scaled = abs(matrix - np.diag(np.diag(matrix))).max() > 0, abs(factor - 1) > 1e-9
    numbers = {"kind": [1 + turned + 2 * scaled]}
    if turned:
        numbers |= {f"direction {row},{column}": [value / factor] for (row, column), value in np.ndenumerate(matrix)}
    return numbers | ({"factor": [factor]} if scaled else {})


def _channels(hit: Sequence[int] | None, channels: int, **values: Sequence[float]) -> Numbers:
    # How often each channel is selected, and the values drawn for selected channels.
    members = set() if hit is None else {int(channel) % channels for channel in hit}
    flags: Numbers = {f"channel {channel}": [float(channel in members)] for channel in range(channels)}
    return flags | {name: [float(value) for value in some] for name, some in values.items()}


def _mirror(axes: Sequence[int] | None, _: int) -> Numbers:
    return {f"axis {axis}": [float(axis in (axes or ()))] for axis in range(3)}


def _of(parameters: Any, name: str) -> Any:
    return () if parameters is None else parameters[name]


def _flat(values: Any) -> list[float]:
    return np.ravel([np.asarray(value) for value in values]).tolist() if len(values) else []


def _stock_noise(p: Any, channels: int) -> Numbers:
    return _channels(_of(p, "apply_idx"), channels, sigma=[] if p is None or p["sigmas"] is None else [p["sigmas"]])


def _stock_blur(p: Any, channels: int) -> Numbers:
    hit = () if p is None else p["apply_to_channel"].nonzero().flatten().tolist()
    return _channels(hit, channels, sigma=_flat(_of(p, "sigmas")))


def _stock_factors(p: Any, channels: int) -> Numbers:
    drawn = _of(p, "multipliers")
    return _channels(_of(p, "apply_to_channel"), channels, factor=() if drawn is None else drawn)


def _stock_low_resolution(p: Any, channels: int) -> Numbers:
    return _channels(_of(p, "apply_to_channel"), channels, factor=_flat(_of(p, "scales")))


def _stock_gamma(p: Any, channels: int) -> Numbers:
    names = {"exponent": "gamma", "inverted": "invert_image", "kept": "retain_stats"}
    return _channels(
        _of(p, "apply_to_channel"), channels, **{own_name: _of(p, stock) for own_name, stock in names.items()}
    )


OPERATORS = ("binary_dilation_torch", "binary_erosion_torch", "binary_closing_torch", "binary_opening_torch")


def _operators(hit: Sequence[int], names: Sequence[str], radii: Sequence[float]) -> Numbers:
    return {
        "hit": [len(hit)],
        "first": [hit[0]] if len(hit) else [],
        "operator": [OPERATORS.index(name) for name in names],
        "radius": list(radii),
    }


def _components(hit: Sequence[int]) -> Numbers:
    return {"hit": [len(hit)], "first": [hit[0]] if len(hit) else []}


BUMP_SIZE = (12, 12, 12)  # of the images that a configuration with bumps is drawn for


def _stock_added(p: Any, channels: int) -> Numbers:
    hit = _of(p, "apply_to_channel")
    return _channels(hit, channels, number=[] if p is None or p["shift"] is None else p["shift"][hit])


def _rectangles(hit: Sequence[int], channels: int, boxes: Any) -> Numbers:
    # ``boxes``: those of the selected channels, as first voxels and sizes.
    drawn = [box for each in boxes for box in each]
    flags = _channels(hit, channels, boxes=[len(each) for each in boxes])
    return flags | {"first": _flat([lower for lower, _ in drawn]), "side": _flat([size for _, size in drawn])}


def _stock_rectangles(p: Any, channels: int) -> Numbers:
    hit = [channel for channel, flag in enumerate(_of(p, "apply_channel")) if flag]
    boxes = [[(low, np.subtract(high, low)) for low, high in p["rectangles"][channel]] for channel in hit]
    return _rectangles(hit, channels, boxes)


def _bumps(hit: Sequence[int], channels: int, fields: Sequence[Any], numbers: Sequence[float]) -> Numbers:
    # A bump is seen by its height at a corner and in the middle.
    middle = tuple(length // 2 for length in BUMP_SIZE)
    seen = {"corner": [each[0, 0, 0] for each in fields], "middle": [each[middle] for each in fields]}
    return _channels(hit, channels, number=list(numbers), **seen)


def _stock_gradient(p: Any, channels: int) -> Numbers:
    hit = [channel for channel, kernel in enumerate(_of(p, "kernels")) if kernel is not None]
    kernels = [p["kernels"][channel] for channel in hit]
    strengths = [kernel.ravel()[np.abs(kernel).argmax()] for kernel in kernels]
    fields = [kernel / strength for kernel, strength in zip(kernels, strengths, strict=True)]
    return _bumps(hit, channels, fields, strengths)


def _stock_local_gamma(p: Any, channels: int) -> Numbers:
    hit = [channel for channel, kernel in enumerate(_of(p, "kernels")) if kernel is not None]
    return _bumps(hit, channels, [p["kernels"][each] for each in hit], [p["gammas"][each] for each in hit])


def _our_bumps(d: Any, channels: int) -> Numbers:
    if d is None:
        return _bumps((), channels, (), ())
    fields = [field(bump, BUMP_SIZE, torch.device("cpu")).numpy() for bump in d.bumps]
    return _bumps(d.channels, channels, fields, d.numbers)


def _stock_sharpen(p: Any, channels: int) -> Numbers:
    hit = [channel for channel, flag in enumerate(_of(p, "apply_channel")) if flag]
    return _channels(hit, channels, strength=[p["strengths"][each] for each in hit])


def _turns(turns: Sequence[Sequence[int]]) -> Numbers:
    return {"turn": [16 * quarters + 4 * first + second for quarters, first, second in turns]}


def _stock_turns(p: Any) -> Numbers:
    turns = zip(_of(p, "num_rot_per_combination"), _of(p, "axis_combinations"), strict=True)
    return _turns([(quarters, axes[0] - 1, axes[1] - 1) for quarters, axes in turns])


def _order(axes: Sequence[int]) -> Numbers:
    return {"order": [sum(axis * 4**place for place, axis in enumerate(axes or (0, 1, 2)))]}


Reader = Callable[[Any, int], Mapping[str, Sequence[float]]]
STOCK: dict[str, Reader] = {
    "SpatialTransform": lambda p, _: _spatial(p["affine"]),
    "GaussianNoiseTransform": _stock_noise,
    "GaussianBlurTransform": _stock_blur,
    "MultiplicativeBrightnessTransform": _stock_factors,
    "ContrastTransform": _stock_factors,
    "SimulateLowResolutionTransform": _stock_low_resolution,
    "GammaTransform": _stock_gamma,
    "MirrorTransform": lambda p, _: _mirror(p["axes"], _),
    "ApplyRandomBinaryOperatorTransform": lambda p, _: _operators(
        _of(p, "apply_to_channels"), [operator.__name__ for operator in _of(p, "operators")], _of(p, "strel_size")
    ),
    "RemoveRandomConnectedComponentFromOneHotEncodingTransform": lambda p, _: _components(_of(p, "apply_to_channels")),
    "BrightnessAdditiveTransform": _stock_added,
    "BlankRectangleTransform": _stock_rectangles,
    "BrightnessGradientAdditiveTransform": _stock_gradient,
    "LocalGammaTransform": _stock_local_gamma,
    "SharpeningTransform": _stock_sharpen,
    "Rot90Transform": lambda p, _: _stock_turns(p),
    "TransposeAxesTransform": lambda p, _: _order([axis - 1 for axis in _of(p, "axis_order")[1:]]),
}
# The image of a cascade has more channels when the last two draw; stock counts them from the end.
OURS: dict[str, Reader] = {
    "SpatialTransform": lambda d, _: _spatial(d.affine()),
    "GaussianNoiseTransform": lambda d, n: _channels(d and d.channels, n, sigma=d.sigmas[:1] if d else ()),
    "GaussianBlurTransform": lambda d, n: _channels(d and d.channels, n, sigma=_flat(d.sigmas) if d else ()),
    "MultiplicativeBrightnessTransform": lambda d, n: _channels(d and d.channels, n, factor=d.factors if d else ()),
    "ContrastTransform": lambda d, n: _channels(d and d.channels, n, factor=d.factors if d else ()),
    "SimulateLowResolutionTransform": lambda d, n: _channels(d and d.channels, n, factor=_flat(d.factors) if d else ()),
    "GammaTransform": lambda d, n: _channels(
        d and d.channels,
        n,
        exponent=d.exponents if d else (),
        inverted=d.inverted if d else (),
        kept=d.kept if d else (),
    ),
    "MirrorTransform": lambda d, n: _mirror(d and d.axes, n),
    "ApplyRandomBinaryOperatorTransform": lambda d, n: _operators(
        _from_end(d, n), d.operators if d else (), d.radii if d else ()
    ),
    "RemoveRandomConnectedComponentFromOneHotEncodingTransform": lambda d, n: _components(_from_end(d, n)),
    "BrightnessAdditiveTransform": lambda d, n: _channels(d and d.channels, n, number=d.factors if d else ()),
    "BlankRectangleTransform": lambda d, n: _rectangles(d.channels if d else (), n, d.rectangles if d else ()),
    "BrightnessGradientAdditiveTransform": _our_bumps,
    "LocalGammaTransform": _our_bumps,
    "SharpeningTransform": lambda d, n: _channels(d and d.channels, n, strength=d.strengths if d else ()),
    "Rot90Transform": lambda d, _: _turns(d.turns if d else ()),
    "TransposeAxesTransform": lambda d, _: _order(d.axes if d else ()),
}
LABELS_OF_CASCADE = 3


def _from_end(draw: Any, channels: int) -> list[int]:
    return [] if draw is None else [channel - channels - LABELS_OF_CASCADE for channel in draw.channels]


def failures(comparisons: Sequence[Comparison], least: float) -> Iterator[Comparison]:
    """Return the comparisons that chance does not explain."""
    return (comparison for comparison in comparisons if comparison.p <= least)
