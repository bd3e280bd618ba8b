// Changes of one channel that depend on the place in it: sharpening, blank boxes, and bumps.
#pragma once
#include "api.h"
#include "intensity.h"
#include "simd.h"

namespace {

// sharpen.py: its difference from its neighbours is added to each voxel; beyond an edge lies the edge again.
inline bool sharpen(float *x, const int64_t size[3], float strength, bool keeps_range, Scratch *scratch) {
    const int64_t rows = size[1], length = size[2], plane = rows * length;
    float *before = (float *)scratch_of(scratch, PLANES, (size_t)(2 * plane + length + 2) * sizeof(float));
    if (!before) return false;
    float *own = before + plane, *line = own + plane;
    Statistics about = {0, 0, 0, 0};
    if (keeps_range) about = statistics(x, size[0] * plane);
    const f32 low = all(about.low), high = all(about.high);
    for (int64_t i = 0; i < size[0]; i++) {
        memcpy(own, x + i * plane, (size_t)plane * sizeof(float));
        const float *above = i ? before : own, *below = i + 1 < size[0] ? x + (i + 1) * plane : own;
        for (int64_t j = 0; j < rows; j++) {
            const float *row = own + j * length;
            const float *up = own + most((int64_t)0, j - 1) * length, *down = own + least(rows - 1, j + 1) * length;
            memcpy(line + 1, row, (size_t)length * sizeof(float));
            line[0] = row[0];
            line[length + 1] = row[length - 1];
            float *out = x + i * plane + j * length;
            for (int64_t k = 0; k < length; k += W) {
                const int64_t rest = length - k;
                const auto get = [&](const float *from) { return rest >= W ? load(from) : load_some(from, rest); };
                const f32 here = get(row + k), beside = get(line + k) + get(line + k + 2);
                const f32 around = beside + (get(up + k) + get(down + k)) + (get(above + j * length + k) + get(below + j * length + k));
                f32 value = add_product(here * 6.0f - around, all(strength), here);
                if (keeps_range) {
                    value = value < low ? low : value;
                    value = value > high ? high : value;
                }
                if (rest >= W) store(out + k, value);
                else store_some(out + k, value, rest);
            }
        }
        float *held = before;
        before = own;
        own = held;
    }
    return true;
}

// rectangles.py. ``numbers``: the first voxel along each axis, the sides, whether the mean is taken, else the value.
inline void blank(float *x, const int64_t size[3], const bool flip[3], const double numbers[8]) {
    int64_t first[3], last[3];
    for (int axis = 0; axis < 3; axis++) {
        const int64_t side = (int64_t)numbers[3 + axis], lower = (int64_t)numbers[axis];
        const int64_t start = flip[axis] ? size[axis] - lower - side : lower;
        first[axis] = most((int64_t)0, start);
        last[axis] = least(size[axis], start + side);
        if (first[axis] >= last[axis]) return;
    }
    const int64_t length = last[2] - first[2];
    const auto row_of = [&](int64_t i, int64_t j) { return x + (i * size[1] + j) * size[2] + first[2]; };
    float value = (float)numbers[7];
    if (numbers[6] != 0) {
        double total = 0;
        for (int64_t i = first[0]; i < last[0]; i++) {
            for (int64_t j = first[1]; j < last[1]; j++) {
                const float *row = row_of(i, j);
                f32 sum = {};
                for (int64_t k = 0; k < length; k += W) sum += length - k >= W ? load(row + k) : load_some(row + k, length - k);
                total += sum_of(sum);
            }
        }
        value = (float)(total / (double)((last[0] - first[0]) * (last[1] - first[1]) * length));
    }
    for (int64_t i = first[0]; i < last[0]; i++) {
        for (int64_t j = first[1]; j < last[1]; j++) {
            float *row = row_of(i, j);
            for (int64_t k = 0; k < length; k++) row[k] = value;
        }
    }
}

// bump.py: the factors along each axis; a voxel's height is (their product - low) / height, from 0 to 1.
struct Bump {
    const float *along[3];
    float low, height;
};

inline double normal_below(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

// ``numbers``: centres, then widths.
inline bool bump_of(Bump &bump, const int64_t size[3], const bool flip[3], const double numbers[6], Scratch *scratch) {
    float *next = (float *)scratch_of(scratch, TABLES, (size_t)(size[0] + size[1] + size[2]) * sizeof(float));
    if (!next) return false;
    float lowest = 1, highest = 1;
    for (int axis = 0; axis < 3; axis++) {
        const int64_t length = size[axis];
        bump.along[axis] = next;
        const double centre = numbers[axis], width = numbers[3 + axis];
        if (!(width > 0)) {  // a slice has no such axis
            for (int64_t at = 0; at < length; at++) *next++ = 1;
            continue;
        }
        float low = INFINITY, high = 0;
        double below = normal_below((-0.5 - centre) / width);
        for (int64_t at = 0; at < length; at++) {
            const double now = normal_below(((double)at + 0.5 - centre) / width);
            const float factor = now > below ? (float)(now - below) : 0.0f;
            below = now;
            low = least(low, factor);
            high = most(high, factor);
            next[flip[axis] ? length - 1 - at : at] = factor;
        }
        next += length;
        lowest *= low;
        highest *= high;
    }
    bump.low = lowest;
    bump.height = highest - lowest;
    return true;
}

// change(voxels, their heights) for all voxels.
template <typename Change>
inline void change_by_height(float *x, const int64_t size[3], const Bump &bump, Change change) {
    const f32 low = all(bump.low), scale = all(1.0f / bump.height);
    for (int64_t i = 0; i < size[0]; i++) {
        for (int64_t j = 0; j < size[1]; j++, x += size[2]) {
            const f32 factor = all(bump.along[0][i] * bump.along[1][j]);
            for (int64_t k = 0; k < size[2]; k += W) {
                const int64_t rest = size[2] - k;
                const bool fits = rest >= W;
                const f32 along = fits ? load(bump.along[2] + k) : load_some(bump.along[2] + k, rest);
                const f32 value = change(fits ? load(x + k) : load_some(x + k, rest), (factor * along - low) * scale);
                if (fits) store(x + k, value);
                else store_some(x + k, value, rest);
            }
        }
    }
}

// gradient.py. ``numbers``: those of the bump, then the strength.
inline bool add_bump(float *x, const int64_t size[3], const bool flip[3], const double numbers[7], Scratch *scratch) {
    Bump bump;
    if (!bump_of(bump, size, flip, numbers, scratch)) return false;
    const f32 strength = all((float)numbers[6]);
    if (bump.height > 0)
        change_by_height(x, size, bump, [&](f32 value, f32 height) { return add_product(height, strength, value); });
    return true;
}

// local_gamma.py. ``numbers``: those of the bump, then the exponent.
inline bool raise_near(float *x, const int64_t size[3], const bool flip[3], const double numbers[7], Scratch *scratch) {
    Bump bump;
    if (!bump_of(bump, size, flip, numbers, scratch)) return false;
    if (!(bump.height > 0)) return true;
    const Statistics about = statistics(x, size[0] * size[1] * size[2]);
    const float exponent = (float)numbers[6], spread = most(about.high - about.low, 1e-8f);
    const f32 low = all(about.low), wide = all(spread), narrow = all(1.0f / spread);
    change_by_height(x, size, bump, [&](f32 value, f32 height) {
        const f32 share = (value - low) * narrow;
        const f32 positive = share < 1.17549435e-38f ? all(1.17549435e-38f) : share;
        const f32 power = power_of_two(log2_of(positive) * exponent);
        const f32 raised = share > 0.0f ? power : exponent == 0 ? all(1.0f) : all(0.0f);
        return add_product(add_product(raised - share, height, share), wide, low);
    });
    return true;
}

}  // namespace
