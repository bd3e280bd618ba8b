// The axes of a sample in another order or backwards: turns by 90 degrees and transpositions.
#pragma once
#include "api.h"
#include "simd.h"

namespace {

const int64_t TILE = 16;  // voxels of a side: a tile of both arrays stays in the first-level cache

// reorder.py: axis a of the result shows axis axes[a] of the old volume.
struct Order {
    int axes[3];
    bool backwards[3];
};

// ``numbers``: the axes, then whether they run backwards. False if the axes that change places differ in size.
inline bool order_of(Order &order, const double numbers[6], const int64_t size[3]) {
    int seen = 0;
    for (int axis = 0; axis < 3; axis++) {
        const int shown = (int)numbers[axis];
        if (shown < 0 || shown > 2 || size[shown] != size[axis]) return false;
        order.axes[axis] = shown;
        order.backwards[axis] = numbers[3 + axis] != 0;
        seen |= 1 << shown;
    }
    return seen == 7;
}

template <typename T> bool reorder_volume(T *x, const int64_t size[3], const Order &order, Scratch *scratch) {
    const int64_t strides[3] = {size[1] * size[2], size[2], 1}, voxels = size[0] * size[1] * size[2];
    T *old = (T *)scratch_of(scratch, PLANES, (size_t)voxels * sizeof(T));
    if (!old) return false;
    memcpy(old, x, (size_t)voxels * sizeof(T));
    int64_t base = 0, step[3];  // of the old volume, for each axis of the result
    for (int axis = 0; axis < 3; axis++) {
        step[axis] = strides[order.axes[axis]];
        if (!order.backwards[axis]) continue;
        base += (size[axis] - 1) * step[axis];
        step[axis] = -step[axis];
    }
    const bool keeps_rows = order.axes[2] == 2;
    const int across = keeps_rows ? 1 : order.axes[0] == 2 ? 0 : 1, other = 1 - across;  // ``across`` shows the old rows
    for (int64_t i = 0; i < size[other]; i++) {
        const T *from = old + base + i * step[other];
        T *to = x + i * strides[other];
        if (keeps_rows) {
            for (int64_t j = 0; j < size[across]; j++) {
                const T *row = from + j * step[across];
                T *out = to + j * strides[across];
                if (step[2] == 1) memcpy(out, row, (size_t)size[2] * sizeof(T));
                else for (int64_t k = 0; k < size[2]; k++) out[k] = row[-k];
            }
            continue;
        }
        for (int64_t j = 0; j < size[across]; j += TILE)
            for (int64_t k = 0; k < size[2]; k += TILE)
                for (int64_t row = j; row < least(size[across], j + TILE); row++)
                    for (int64_t at = k; at < least(size[2], k + TILE); at++)
                        to[row * strides[across] + at] = from[row * step[across] + at * step[2]];
    }
    return true;
}

}  // namespace
