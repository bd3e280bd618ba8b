// The end of a chain: mirroring in place, the mask, replaced labels, regions, and coarser copies of the target.
#pragma once
#include "api.h"
#include "simd.h"

namespace {

template <typename T> void mirror_volume(T *x, const int64_t size[3], const bool flip[3]) {
    const int64_t length = size[2];
    for (int64_t i = 0; i < size[0]; i++) {
        for (int64_t j = 0; j < size[1]; j++) {
            const int64_t other_i = flip[0] ? size[0] - 1 - i : i, other_j = flip[1] ? size[1] - 1 - j : j;
            const int64_t own = i * size[1] + j, other = other_i * size[1] + other_j;
            T *row = x + own * length, *partner = x + other * length;
            if (other < own) continue;
            if (other == own) {
                for (int64_t k = 0; flip[2] && k < length / 2; k++) {
                    const T held = row[k];
                    row[k] = row[length - 1 - k];
                    row[length - 1 - k] = held;
                }
                continue;
            }
            for (int64_t k = 0; k < length; k++) {
                T *there = partner + (flip[2] ? length - 1 - k : k);
                const T held = row[k];
                row[k] = *there;
                *there = held;
            }
        }
    }
}

inline void mask(float *image, const int16_t *seg, int64_t voxels, float value) {
    for (int64_t at = 0; at < voxels; at++) image[at] = seg[at] < 0 ? value : image[at];
}

// ``step``: the label, what it becomes, and the channel of the segmentation, or -1 for all of them.
inline void replace(int16_t *seg, int channels, int64_t voxels, const double *step) {
    const int16_t from = (int16_t)step[1], to = (int16_t)step[2];
    const int only = (int)step[3];
    for (int channel = only < 0 ? 0 : only; channel < (only < 0 ? channels : only + 1); channel++) {
        int16_t *x = seg + channel * voxels;
        for (int64_t at = 0; at < voxels; at++) x[at] = x[at] == from ? to : x[at];
    }
}

template <typename T> void copy_level(const Level &level, const T *full, const int64_t patch[3], T *out) {
    for (int64_t i = 0; i < level.size[0]; i++) {
        for (int64_t j = 0; j < level.size[1]; j++) {
            const T *row = full + (level.from[0][i] * patch[1] + level.from[1][j]) * patch[2];
            const int32_t *which = level.from[2];
            for (int64_t k = 0; k < level.size[2]; k++) *out++ = row[which[k]];
        }
    }
}

template <typename T> void copy_levels(const Layout &layout, int64_t slot, int channel, int channels, const T *full) {
    for (int64_t number = 0; number < layout.levels; number++) {
        const Level &level = layout.level[number];
        const int64_t voxels = level.size[0] * level.size[1] * level.size[2];
        T *out = (T *)level.out + (slot * channels + channel) * voxels;
        if (!level.from[0]) memcpy(out, full, (size_t)voxels * sizeof(T));
        else copy_level(level, full, layout.patch, out);
    }
}

// ``channels``: of ``seg``.
inline bool finish(const Layout &layout, const Sample &sample, const int16_t *seg, int channels, Scratch *scratch) {
    const int64_t voxels = layout.patch[0] * layout.patch[1] * layout.patch[2];
    if (!layout.regions) {
        for (int channel = 0; layout.levels && channel < channels; channel++)
            copy_levels(layout, sample.slot, channel, channels, seg + channel * voxels);
        return true;
    }
    uint8_t *region = (uint8_t *)scratch_of(scratch, REGION, (size_t)voxels);
    if (!region) return false;
    const int16_t *labels = seg + layout.region_channel * voxels;
    for (int number = 0; number < layout.regions; number++) {
        const uint8_t *table = layout.region_table + number * layout.table_labels;
        for (int64_t at = 0; at < voxels; at++) {
            const int64_t entry = labels[at] - layout.table_first;
            region[at] = entry >= 0 && entry < layout.table_labels ? table[entry] : 0;
        }
        copy_levels(layout, sample.slot, number, layout.regions, region);
    }
    return true;
}

}  // namespace
