// Blur and low resolution of one channel, in place.
#pragma once
#include "api.h"
#include "simd.h"

namespace {

const int MOST_RADIUS = 64;

// blur.py: kernel_size and half_kernel.
struct Kernel {
    int radius;
    float weight[MOST_RADIUS + 1];
};

inline Kernel kernel_of(double sigma) {
    const double exact = sigma * 6.0 + 0.5, rounded = nearbyint(exact);
    const int64_t whole = (int64_t)rounded;
    const int64_t size = whole % 2 ? whole : exact >= rounded ? whole + 1 : whole - 1;
    Kernel made;
    made.radius = (int)least((int64_t)MOST_RADIUS, size / 2);
    double weight[MOST_RADIUS + 1], total = 0;
    for (int at = 0; at <= made.radius; at++) {
        weight[at] = exp(-0.5 * (at / sigma) * (at / sigma));
        total += at ? 2 * weight[at] : weight[at];
    }
    for (int at = 0; at <= made.radius; at++) made.weight[at] = (float)(weight[at] / total);
    return made;
}

// The voxel that stands for one outside an axis: mirrored at the edges, as often as necessary.
inline int64_t mirrored(int64_t at, int64_t length) {
    while (at < 0 || at >= length) at = at < 0 ? -at : 2 * length - 2 - at;
    return at;
}

// to = weighted sum of 2 * radius + 1 rows.
inline void blend_rows(float *to, const float *const *rows, const Kernel &kernel, int64_t length) {
    const int radius = kernel.radius;
    for (int64_t at = 0; at < length; at += W) {
        const int64_t rest = length - at;
        const auto get = [&](int row) { return rest >= W ? load(rows[row] + at) : load_some(rows[row] + at, rest); };
        f32 total = get(radius) * kernel.weight[0];
        for (int away = 1; away <= radius; away++)
            total = add_product(get(radius - away) + get(radius + away), all(kernel.weight[away]), total);
        if (rest >= W) store(to + at, total);
        else store_some(to + at, total, rest);
    }
}

// Planes of the first axis pass once through a ring that stays in the cache; each is then blurred in itself.
inline bool blur(float *x, const int64_t size[3], const double sigmas[3], Scratch *scratch) {
    Kernel kernels[3];
    for (int axis = 0; axis < 3; axis++) {
        if (size[axis] > 1) kernels[axis] = kernel_of(sigmas[axis]);
        else kernels[axis].radius = 0, kernels[axis].weight[0] = 1;
    }
    const int64_t rows = size[1], length = size[2], plane = rows * length;
    const int ring = 2 * kernels[0].radius + 2, around = kernels[2].radius;
    float *planes = (float *)scratch_of(scratch, PLANES, (size_t)(ring * plane) * sizeof(float));
    float *flat = (float *)scratch_of(scratch, PLANE, (size_t)(plane + length + 2 * MOST_RADIUS + W) * sizeof(float));
    if (!planes || !flat) return false;
    float *line = flat + plane;
    const float *sources[2 * MOST_RADIUS + 1];
    int64_t kept = 0;  // planes that are in the ring
    for (int64_t i = 0; i < size[0]; i++) {
        const float *blurred = x + i * plane;
        if (kernels[0].radius) {
            for (; kept < least(size[0], i + kernels[0].radius + 1); kept++)
                memcpy(planes + kept % ring * plane, x + kept * plane, (size_t)plane * sizeof(float));
            bool is_held = true;
            for (int tap = -kernels[0].radius; tap <= kernels[0].radius; tap++) {
                const int64_t from = mirrored(i + tap, size[0]);
                is_held &= from < kept && from >= kept - ring;
                sources[tap + kernels[0].radius] = planes + from % ring * plane;
            }
            if (!is_held) return false;
            blend_rows(flat, sources, kernels[0], plane);
        } else {
            memcpy(flat, blurred, (size_t)plane * sizeof(float));
        }
        for (int64_t j = 0; j < rows; j++) {
            for (int tap = -kernels[1].radius; tap <= kernels[1].radius; tap++)
                sources[tap + kernels[1].radius] = flat + mirrored(j + tap, rows) * length;
            blend_rows(line + around, sources, kernels[1], length);
            for (int64_t out = 1; out <= around; out++) {
                line[around - out] = line[around + mirrored(-out, length)];
                line[around + length - 1 + out] = line[around + mirrored(length - 1 + out, length)];
            }
            for (int tap = 0; tap <= 2 * around; tap++) sources[tap] = line + tap;
            blend_rows(x + i * plane + j * length, sources, kernels[2], length);
        }
    }
    return true;
}

// One axis at low resolution: the voxels that are kept, and the two of them between which each voxel lies.
struct Axis {
    int64_t count;
    int32_t *kept, *below, *above;
    float *share;  // of the second
};

inline Axis coarse_axis(int64_t length, double factor, bool flipped, char *&memory) {
    Axis axis;
    axis.count = most((int64_t)1, (int64_t)nearbyint(length * factor));
    const int64_t most_kept = (axis.count + 15) / 16 * 16, padded = (length + 2 * W) / W * W;
    axis.kept = (int32_t *)memory;
    axis.below = axis.kept + most_kept;
    axis.above = axis.below + padded;
    axis.share = (float *)(axis.above + padded);
    memory = (char *)(axis.share + padded);
    const float down = (float)length / (float)axis.count, up = (float)axis.count / (float)length;
    for (int64_t at = 0; at < axis.count; at++) {
        const int64_t from = least(length - 1, (int64_t)floorf(((float)at + 0.5f) * down));
        axis.kept[at] = (int32_t)(flipped ? length - 1 - from : from);
    }
    for (int64_t at = 0; at < padded; at++) {
        const int64_t voxel = least(at, length - 1);
        const float position = most(0.0f, up * ((float)(flipped ? length - 1 - voxel : voxel) + 0.5f) - 0.5f);
        const int64_t below = least(axis.count - 1, (int64_t)position);
        axis.below[at] = (int32_t)below;
        axis.above[at] = (int32_t)least(axis.count - 1, below + 1);
        axis.share[at] = position - (float)below;
    }
    return axis;
}

inline void between(float *to, const float *first, const float *second, float share, int64_t length) {
    for (int64_t at = 0; at < length; at++) to[at] = first[at] + (second[at] - first[at]) * share;
}

// low_resolution.py: down to the nearest voxel, up again linearly. ``flip``: the channel is already mirrored.
inline bool coarsen(float *x, const int64_t size[3], const bool flip[3], const double factors[3], Scratch *scratch) {
    size_t needed = 0;
    for (int axis = 0; axis < 3; axis++)
        needed += (size_t)(3 * (size[axis] + 2 * W) + most(size[axis], (int64_t)nearbyint(size[axis] * factors[axis])) + 16) * 4;
    char *memory = (char *)scratch_of(scratch, TABLES, needed);
    if (!memory) return false;
    Axis axes[3];
    for (int axis = 0; axis < 3; axis++) axes[axis] = coarse_axis(size[axis], factors[axis], flip[axis], memory);
    const int64_t rows = size[1], length = size[2], lines = axes[1].count, plane = lines * length;
    float *coarse = (float *)scratch_of(scratch, COARSE, (size_t)(axes[0].count * plane + 2 * W) * sizeof(float));
    float *one = (float *)scratch_of(scratch, COARSE_PLANE, (size_t)(plane + axes[2].count + 2 * W) * sizeof(float));
    if (!coarse || !one) return false;
    float *kept = one + plane + W;
    for (int64_t i = 0; i < axes[0].count; i++) {
        for (int64_t j = 0; j < lines; j++) {
            const float *row = x + (axes[0].kept[i] * rows + axes[1].kept[j]) * length;
            float *to = coarse + i * plane + j * length;
            for (int64_t k = 0; k < axes[2].count; k++) kept[k] = row[axes[2].kept[k]];
            for (int64_t k = 0; k < length; k += W) {
                const f32 first = gather(kept, load(axes[2].below + k)), second = gather(kept, load(axes[2].above + k));
                const f32 value = first + (second - first) * load(axes[2].share + k);
                if (length - k >= W) store(to + k, value);
                else store_some(to + k, value, length - k);
            }
        }
    }
    for (int64_t i = 0; i < size[0]; i++) {
        between(one, coarse + axes[0].below[i] * plane, coarse + axes[0].above[i] * plane, axes[0].share[i], plane);
        for (int64_t j = 0; j < rows; j++)
            between(x + (i * rows + j) * length, one + axes[1].below[j] * length, one + axes[1].above[j] * length,
                    axes[1].share[j], length);
    }
    return true;
}

}  // namespace
