"""Sizes in bytes, and other numbers, as text: the same in every report, check, message and log."""

from __future__ import annotations

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def format_bytes(count: float) -> str:
    """Return a size in binary units with three digits: "24 GiB", "23.7 GiB", "1.52 GiB", "512 MiB", "300 B".

    Binary, because everything that a user compares it with is: nvidia-smi, PyTorch's errors, ``free -h``, ``df -h``,
    ``docker --shm-size``, Slurm's ``--mem``, limits of control groups. In decimal units the 24 GiB of a GPU would be
    25.8 GB, and their name says neither.
    """
    size, unit = float(count), _UNITS[0]
    for unit in _UNITS:
        if abs(size) < 1023.5 or unit == _UNITS[-1]:
            break
        size /= 1024
    digits = 0 if unit == "B" or abs(size) >= 99.95 else 1 if abs(size) >= 9.995 else 2
    number = f"{size:.{digits}f}"
    return f"{number.rstrip('0').rstrip('.') if digits else number} {unit}"


def format_number(value: float) -> str:
    """Return a number with three digits, and all of those before the point: "4003", "0.25", "2.26"; no exponent."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    digits = f"{value:.3g}"
    return digits if "e" not in digits else f"{value:.15f}".rstrip("0").rstrip(".")
