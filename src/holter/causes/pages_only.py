"""Pages of problems that no measurement decides; ``holter explain`` shows them, no diagnosis names them."""

from __future__ import annotations

from holter.causes.sentences import describe

PAGES: dict[str, str] = {
    "xorg-dpms-lookalike": """
        Graphics on a headless X server drop to one frame a second; training does not.

        What happens:  some minutes after the last input X switches its (absent) monitors off, and the NVIDIA driver
                       slows everything that is drawn on that screen to about one frame a second. It looks like a vGPU
                       that lost its licence: full speed at first, then almost nothing, no error.
        How we know:   it concerns OpenGL alone (VirtualGL, remote desktops). CUDA goes on at full speed, so no reading
                       of a training can show it, and no diagnosis names it. To decide, look at Option "HardDPMS" in the
                       configuration of X, and whether a viewer or a training is slow.
        Looks like:    vgpu-unlicensed (mode vGPU, a licence stage, and the training itself stands still).
        What helps:    Option "HardDPMS" "false" in the Screen section of xorg.conf, or xset -dpms [ADVICE]. Nothing has
                       to be changed for the training.
        Source:        virtualgl issue 120; az-hop issue 56; turbovnc issue 249.
        """,
}

describe(
    "xorg-dpms-lookalike",
    title="Slow drawing on a headless X server",
    meaning="Graphics on a headless X server become slow; training does not.",
)
