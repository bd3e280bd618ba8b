// Runs the steps of each sample. Compiled once for each instruction set, with HOLTER_RUN as the function's name.
#include "intensity.h"
#include "local.h"
#include "median.h"
#include "reorder.h"
#include "resolution.h"
#include "spatial.h"
#include "stage.h"
#include "tail.h"

namespace {

// What is folded into the first store: mirroring and replacing a label, if nothing before them minds.
struct Folded {
    Store store;
    int64_t mirror, replace;  // the steps that are done by it; -1: none
};

// A mirrored axis of the result is that axis of the sample which the result shows there.
inline void mirror_before(bool flip[3], const double order[3]) {
    const bool shown[3] = {flip[0], flip[1], flip[2]};
    for (int axis = 0; axis < 3; axis++) flip[(int)order[axis]] = shown[axis];
}

inline Folded fold(const double *steps, int64_t count) {
    Folded folded = {{{false, false, false}, false, 0, 0}, -1, -1};
    bool is_masked = false;
    for (int64_t at = 0; at < count;) {
        const int kind = (int)steps[at];
        const double *step = steps + at;
        if (kind == ONE_HOT || kind == OPERATE || kind == COMPONENT) break;  // they need all labels, in their own order
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
    // Back through the steps that give the axes another order.
    for (int64_t end = folded.mirror; end > 0;) {
        int64_t last = -1;
        for (int64_t at = 0; at < end; at += LENGTH_OF[(int)steps[at]])
            if ((int)steps[at] == REORDER) last = at;
        if (last >= 0) mirror_before(folded.store.flip, steps + last + 1);
        end = last;
    }
    return folded;
}

// A sample on its way through its steps.
struct Work {
    const Layout &layout;
    float *image;
    int16_t *seg;
    int channels, segs;  // how many there are now
    bool flip[3];        // axes that are already mirrored, though that step comes later
    Scratch *scratch;

    int64_t voxels() const { return layout.patch[0] * layout.patch[1] * layout.patch[2]; }

    bool mirror(const double axes[3]) {
        const bool which[3] = {axes[0] != 0, axes[1] != 0, axes[2] != 0};
        for (int channel = 0; channel < channels; channel++) mirror_volume(image + channel * voxels(), layout.patch, which);
        for (int channel = 0; channel < segs; channel++) mirror_volume(seg + channel * voxels(), layout.patch, which);
        return true;
    }

    bool reorder(const double numbers[6]) {
        Order order;
        if (!order_of(order, numbers, layout.patch)) return false;
        for (int channel = 0; channel < channels; channel++)
            if (!reorder_volume(image + channel * voxels(), layout.patch, order, scratch)) return false;
        for (int channel = 0; channel < segs; channel++)
            if (!reorder_volume(seg + channel * voxels(), layout.patch, order, scratch)) return false;
        const bool old[3] = {flip[0], flip[1], flip[2]};
        for (int axis = 0; axis < 3; axis++) flip[axis] = old[order.axes[axis]];
        return true;
    }

    bool append(const double numbers[2]) {
        if (channels >= layout.channels || numbers[0] >= segs) return false;
        one_hot(image + channels++ * voxels(), seg + (int64_t)numbers[0] * voxels(), voxels(), (int16_t)numbers[1]);
        return true;
    }

    bool drop(int64_t channel) {
        if (layout.seg || channel >= segs) return false;
        int16_t *gone = seg + channel * voxels();
        memmove(gone, gone + voxels(), (size_t)((--segs - channel) * voxels()) * sizeof(int16_t));
        return true;
    }
};

bool run_step(Work &work, const double *step) {
    const Layout &layout = work.layout;
    const int64_t voxels = work.voxels();
    const auto channel = [&] { return work.image + (int64_t)step[1] * voxels; };  // of the steps that change only one
    switch ((int)step[0]) {
    case MULTIPLY: multiply(channel(), voxels, (float)step[2]); return true;
    case ADD: add(channel(), voxels, (float)step[2]); return true;
    case CONTRAST: stretch_contrast(channel(), voxels, (float)step[2], step[3] != 0); return true;
    case GAMMA: raise_to(channel(), voxels, (float)step[2], step[3] != 0, step[4] != 0); return true;
    case NOISE:
        return add_noise(channel(), layout.patch, work.flip, (float)step[2], (uint32_t)step[3], (uint32_t)step[4],
                         (int64_t)step[5], work.scratch);
    case BLUR: return blur(channel(), layout.patch, step + 2, work.scratch);
    case COARSEN: return coarsen(channel(), layout.patch, work.flip, step + 2, work.scratch);
    case MEDIAN: return median(channel(), layout.patch, work.flip, step + 2, work.scratch);
    case SHARPEN: return sharpen(channel(), layout.patch, (float)step[2], step[3] != 0, work.scratch);
    case RECTANGLE: blank(channel(), layout.patch, work.flip, step + 2); return true;
    case GRADIENT: return add_bump(channel(), layout.patch, work.flip, step + 2, work.scratch);
    case LOCAL_GAMMA: return raise_near(channel(), layout.patch, work.flip, step + 2, work.scratch);
    case MIRROR: return work.mirror(step + 1);
    case REORDER: return work.reorder(step + 1);
    case MASK: mask(channel(), work.seg + (int64_t)step[2] * voxels, voxels, (float)step[3]); return true;
    case REPLACE: replace(work.seg, work.segs, voxels, step); return true;
    case ONE_HOT: return work.append(step + 1);
    case DROP: return work.drop((int64_t)step[1]);
    case OPERATE: return operate(work.image, layout.patch, step + 1, work.scratch);
    case COMPONENT: return remove_component(work.image, layout.patch, step + 1, work.scratch);
    }
    return false;
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
    const bool *flip = folded.store.flip;
    Work work = {layout, image, seg, layout.read_channels, layout.seg_channels, {flip[0], flip[1], flip[2]}, scratch};
    for (int64_t at = 0; at < sample.count; at += LENGTH_OF[(int)steps[at]]) {
        const double *step = steps + at;
        bool works = true;
        if (at == folded.mirror) work.flip[0] = work.flip[1] = work.flip[2] = false;
        else if (at == folded.replace) continue;
        else if ((int)step[0] != PLACE) works = run_step(work, step);
        else if (layout.label_bytes == 1) works = place_sample<int8_t>(layout, sample, step, folded.store, image, seg, scratch);
        else works = place_sample<int16_t>(layout, sample, step, folded.store, image, seg, scratch);
        if (!works) return false;
    }
    return finish(layout, sample, seg, work.segs, scratch);
}

}  // namespace

int HOLTER_RUN(const Layout *layout, const Sample *samples, int64_t count, const double *steps, Scratch *scratch) {
    for (int64_t number = 0; number < count; number++)
        if (!run_sample(*layout, samples[number], steps + samples[number].first, scratch)) return -1;
    return 0;
}
