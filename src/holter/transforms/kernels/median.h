// The median of the voxels around each voxel, exact: one of them, chosen without sorting.
#pragma once
#include "api.h"
#include "simd.h"

namespace {

const int MOST_SIDE = 16;  // voxels along an axis of the window

// The voxel that stands for one outside an axis: mirrored at the edges, with the edge voxel twice.
inline int64_t doubled_edge(int64_t at, int64_t length) {
    const int64_t period = 2 * length, inside = ((at % period) + period) % period;
    return inside < length ? inside : period - 1 - inside;
}

// The number with ``rank`` smaller or equal ones among W windows at once. Its place is narrowed down by counting: a guess
// splits the window, and the largest number below or the smallest above it is the new bound. Both bounds are voxels, so
// equal ones end the search, too.
inline f32 ranked(const float *const *rows, int count, int side, int64_t at, int32_t rank) {
    f32 low = load(rows[0] + at), high = low;
    for (int row = 0; row < count; row++) {
        for (int shift = 0; shift < side; shift++) {
            const f32 value = load(rows[row] + at + shift);
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
    }
    for (i32 open = (i32)(low < high); !every(~open); open = (i32)(low < high)) {
        const f32 half = low + (high - low) * 0.5f, guess = half < high ? half : low;
        f32 below = low, above = high;
        i32 counted = {};
        for (int row = 0; row < count; row++) {
            for (int shift = 0; shift < side; shift++) {
                const f32 value = load(rows[row] + at + shift);
                const i32 is_below = (i32)(value <= guess);
                counted -= is_below;
                below = is_below & (i32)(value > below) ? value : below;
                above = is_below | (i32)(value >= above) ? above : value;
            }
        }
        const i32 is_lower = (i32)(counted > rank);  // the wanted one is not above the guess
        const i32 is_it = (i32)(counted == rank + 1), is_next = (i32)(counted == rank);
        low = is_it ? below : is_lower ? low : above;
        high = is_next ? above : is_lower ? below : high;
    }
    return low;
}

// median.py: a window of even length reaches further down than up; a channel that is already mirrored the other way.
inline bool median(float *x, const int64_t size[3], const bool flip[3], const double sides[3], Scratch *scratch) {
    int64_t side[3], before[3];
    for (int axis = 0; axis < 3; axis++) {
        side[axis] = most((int64_t)1, least((int64_t)MOST_SIDE, (int64_t)sides[axis]));
        before[axis] = flip[axis] ? side[axis] - 1 - side[axis] / 2 : side[axis] / 2;
    }
    const int64_t length = size[2], stride = length + side[2] + 2 * W;
    float *copy = (float *)scratch_of(scratch, PLANES, (size_t)(size[0] * size[1] * stride) * sizeof(float));
    if (!copy) return false;
    for (int64_t line = 0; line < size[0] * size[1]; line++) {
        const float *from = x + line * length;
        float *to = copy + line * stride;
        for (int64_t at = 0; at < stride; at++) to[at] = from[doubled_edge(at - before[2], length)];
    }
    const float *rows[MOST_SIDE * MOST_SIDE];
    const int count = (int)(side[0] * side[1]);
    const int32_t rank = (int32_t)(side[0] * side[1] * side[2] / 2);
    for (int64_t i = 0; i < size[0]; i++) {
        for (int64_t j = 0; j < size[1]; j++) {
            for (int64_t row = 0; row < count; row++) {
                const int64_t plane = doubled_edge(i - before[0] + row / side[1], size[0]);
                const int64_t line = doubled_edge(j - before[1] + row % side[1], size[1]);
                rows[row] = copy + (plane * size[1] + line) * stride;
            }
            float *to = x + (i * size[1] + j) * length;
            for (int64_t k = 0; k < length; k += W) {
                const f32 found = ranked(rows, count, (int)side[2], k, rank);
                if (length - k >= W) store(to + k, found);
                else store_some(to + k, found, length - k);
            }
        }
    }
    return true;
}

}  // namespace
