// Runs the steps of each sample. Compiled once for each instruction set, with HOLTER_RUN as the function's name.
#include "intensity.h"
#include "median.h"
#include "resolution.h"
#include "spatial.h"
#include "tail.h"

namespace {

// What is folded into the first store: mirroring and replacing a label, if nothing before them minds.
struct Folded {
    Store store;
    int64_t mirror, replace;  // the steps that are done by it; -1: none
};

inline Folded fold(const double *steps, int64_t count) {
    Folded folded = {{{false, false, false}, false, 0, 0}, -1, -1};
    bool is_masked = false;
    for (int64_t at = 0; at < count;) {
        const int kind = (int)steps[at];
        const double *step = steps + at;
        if (kind == MIRROR && folded.mirror < 0 && !is_masked) {
            folded.mirror = at;
            for (int axis = 0; axis < 3; axis++) folded.store.flip[axis] = step[1 + axis] != 0;
        } else if (kind == MASK) {
            is_masked = true;
        } else if (kind == REPLACE && folded.replace < 0 && !is_masked && step[3] < 0) {
            folded.replace = at;
            folded.store.replaces = true;
            folded.store.from = (int16_t)step[1];
            folded.store.to = (int16_t)step[2];
        }
        at += LENGTH_OF[kind];
    }
    return folded;
}

bool run_sample(const Layout &layout, const Sample &sample, const double *steps, Scratch *scratch) {
    const int64_t voxels = layout.patch[0] * layout.patch[1] * layout.patch[2];
    float *image = layout.image + sample.slot * layout.channels * voxels;
    int16_t *seg = nullptr;
    if (layout.seg) {
        seg = layout.seg + sample.slot * layout.seg_channels * voxels;
    } else if (layout.seg_channels) {
        seg = (int16_t *)scratch_of(scratch, FULL_SEG, (size_t)(layout.seg_channels * voxels) * sizeof(int16_t));
        if (!seg) return false;
    }
    const bool begins = sample.image != nullptr;
    const Folded folded = begins ? fold(steps, sample.count) : Folded{{{false, false, false}, false, 0, 0}, -1, -1};
    bool flip[3] = {folded.store.flip[0], folded.store.flip[1], folded.store.flip[2]};
    for (int64_t at = 0; at < sample.count;) {
        const double *step = steps + at;
        const int kind = (int)step[0];
        float *channel = image + (int64_t)step[1] * voxels;  // of the steps that change one channel
        bool works = true;
        switch (kind) {
        case PLACE:
            if (layout.label_bytes == 1) works = place_sample<int8_t>(layout, sample, step, folded.store, image, seg, scratch);
            else works = place_sample<int16_t>(layout, sample, step, folded.store, image, seg, scratch);
            break;
        case MULTIPLY: multiply(channel, voxels, (float)step[2]); break;
        case CONTRAST: stretch_contrast(channel, voxels, (float)step[2], step[3] != 0); break;
        case GAMMA: raise_to(channel, voxels, (float)step[2], step[3] != 0, step[4] != 0); break;
        case NOISE:
            works = add_noise(channel, layout.patch, flip, (float)step[2], (uint32_t)step[3], (uint32_t)step[4],
                              (int64_t)step[5], scratch);
            break;
        case BLUR: works = blur(channel, layout.patch, step + 2, scratch); break;
        case COARSEN: works = coarsen(channel, layout.patch, flip, step + 2, scratch); break;
        case MEDIAN: works = median(channel, layout.patch, flip, step + 2, scratch); break;
        case MIRROR:
            if (at == folded.mirror) flip[0] = flip[1] = flip[2] = false;
            else works = mirror_sample(layout, image, seg, step + 1);
            break;
        case MASK:
            mask(channel, seg + (int64_t)step[2] * voxels, voxels, (float)step[3]);
            break;
        case REPLACE:
            if (at != folded.replace) replace(seg, layout.seg_channels, voxels, step);
            break;
        default: return false;
        }
        if (!works) return false;
        at += LENGTH_OF[kind];
    }
    return finish(layout, sample, seg, scratch);
}

}  // namespace

int HOLTER_RUN(const Layout *layout, const Sample *samples, int64_t count, const double *steps, Scratch *scratch) {
    for (int64_t number = 0; number < count; number++)
        if (!run_sample(*layout, samples[number], steps + samples[number].first, scratch)) return -1;
    return 0;
}
