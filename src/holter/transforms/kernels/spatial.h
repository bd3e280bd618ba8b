// Rotate, scale, crop and mirror: image and labels in one pass over the patch.
//
// A position is computed with exactly the roundings of stock's matrix product and torch's grid_sample, so that every
// vote on a label ends as in stock (placement.py). The image needs no such care: it is summed in whatever order is fast.
#pragma once
#include "api.h"
#include "simd.h"
#include "vote.h"

namespace {

// Where one volume (or slice) of a sample comes from and goes to. Channels lie ``*_stride`` numbers apart.
template <typename Label> struct Part {
    const float *image;
    const Label *seg;
    float *image_out;
    int16_t *seg_out;  // null: no labels
    int64_t image_stride, seg_stride, image_out_stride, seg_out_stride;
    int channels, segs;
    int32_t box[3], lower[3], source[3], patch[3];
    bool flip[3];
    bool replaces;  // ``from`` becomes ``to`` when a label is stored
    int16_t from, to;
};

template <typename T> inline void store_row(T *to, const T *row, int64_t length, bool reversed) {
    if (!reversed) {
        memcpy(to, row, (size_t)length * sizeof(T));
        return;
    }
    for (int64_t at = 0; at < length; at++) to[length - 1 - at] = row[at];
}

// Stored labels: widened, replaced, and in the order of a mirrored row.
template <typename Label>
inline void store_labels(int16_t *to, const Label *row, int64_t length, bool reversed, bool replaces, int16_t from,
                         int16_t becomes) {
    if (!reversed) {
        if (!replaces) for (int64_t at = 0; at < length; at++) to[at] = row[at];
        else for (int64_t at = 0; at < length; at++) to[at] = row[at] == from ? becomes : row[at];
        return;
    }
    int16_t *last = to + length - 1;
    if (!replaces) for (int64_t at = 0; at < length; at++) last[-at] = row[at];
    else for (int64_t at = 0; at < length; at++) last[-at] = row[at] == from ? becomes : row[at];
}

// --- a plain crop ----------------------------------------------------------------------------------------------------

template <typename Label> void crop(const Part<Label> &part, int32_t pad) {
    int64_t before[3];
    for (int axis = 0; axis < 3; axis++) before[axis] = most(0, part.patch[axis] / 2 - part.source[axis] / 2);
    const int64_t rows = part.patch[1], length = part.patch[2];
    const int64_t after = length - before[2] - part.box[2];
    const bool reversed = part.flip[2];
    const int64_t start = reversed ? after : before[2];
    const int16_t outside = part.replaces && pad == part.from ? part.to : (int16_t)pad;
    for (int64_t x = 0; x < part.patch[0]; x++) {
        const int64_t to_x = part.flip[0] ? part.patch[0] - 1 - x : x, from_x = x - before[0];
        for (int64_t y = 0; y < rows; y++) {
            const int64_t to_y = part.flip[1] ? rows - 1 - y : y, from_y = y - before[1];
            const bool inside = from_x >= 0 && from_x < part.box[0] && from_y >= 0 && from_y < part.box[1];
            const int64_t to = (to_x * rows + to_y) * length;
            const int64_t from = (from_x * part.box[1] + from_y) * part.box[2];
            for (int channel = 0; channel < part.channels; channel++) {
                float *row = part.image_out + channel * part.image_out_stride + to;
                const int64_t filled = inside ? part.box[2] : 0;
                if (inside) store_row(row + start, part.image + channel * part.image_stride + from, filled, reversed);
                if (filled < length) {
                    memset(row, 0, (size_t)(inside ? start : length) * sizeof(float));
                    if (inside) memset(row + start + filled, 0, (size_t)(length - start - filled) * sizeof(float));
                }
            }
            for (int channel = 0; part.seg_out && channel < part.segs; channel++) {
                int16_t *row = part.seg_out + channel * part.seg_out_stride + to;
                const int64_t first = inside ? start : length, last = inside ? start + part.box[2] : length;
                for (int64_t at = 0; at < first; at++) row[at] = outside;
                if (inside)
                    store_labels(row + start, part.seg + channel * part.seg_stride + from, part.box[2], reversed,
                                 part.replaces, part.from, part.to);
                for (int64_t at = last; at < length; at++) row[at] = outside;
            }
        }
    }
}

// --- positions -------------------------------------------------------------------------------------------------------

// The positions of one row of the patch in the source: position = affine @ (voxel - centre), normalised and back.
struct Positions {
    float affine[3][3], half[3], size[3], centre[3];
    bool fused;  // products are added with one rounding

    float add(float a, float b, float c) const { return fused ? fmaf(a, b, c) : a * b + c; }

    // The part of the product that is the same in a whole row.
    void begin(int axes, float x, float y, float sums[3]) const {
        for (int axis = 3 - axes; axis < 3; axis++) {
            if (axes == 3) sums[axis] = add(y - centre[1], affine[axis][1], (x - centre[0]) * affine[axis][0]);
            else sums[axis] = (y - centre[1]) * affine[axis][1];
        }
    }
    f32 grid(int axis, const float sums[3], f32 offset) const {
        const f32 factor = all(affine[axis][2]), sum = all(sums[axis]);
        const f32 product = fused ? fma(offset, factor, sum) : offset * factor + sum;
        return product / all(half[axis]);
    }
    f32 at(int axis, f32 grid) const { return ((grid + 1.0f) * all(size[axis]) - 1.0f) * 0.5f; }
    // Where stock up to 0.3.5 says that the source ends: beyond_centres of placement.py.
    f32 end(int axes, int axis) const { return all(1.0f - 1.0f / size[axes == 3 ? 2 - axis : 3 - axis]); }
};

inline Positions positions(bool fused, const double affine[9], const int32_t source[3], const int32_t patch[3]) {
    Positions made;
    made.fused = fused;
    for (int axis = 0; axis < 3; axis++) {
        for (int column = 0; column < 3; column++) made.affine[axis][column] = (float)affine[3 * axis + column];
        made.size[axis] = (float)source[axis];
        made.half[axis] = (float)(source[axis] / 2.0);
        made.centre[axis] = (float)((patch[axis] - 1) / 2.0);
    }
    return made;
}

// Whether the padding label takes part in the vote: reaches_outside of placement.py.
inline bool reaches_outside(int axes, const Positions &where, const int32_t source[3], const int32_t patch[3]) {
    double bound = 1.0;
    for (int axis = 3 - axes; axis < 3; axis++) bound = least(bound, 1.0 - 1.0 / source[axis]);
    for (int corner = 0; corner < 8; corner++) {
        float sums[3];
        const float x = corner & 4 ? patch[0] - 1 : 0, y = corner & 2 ? patch[1] - 1 : 0;
        where.begin(axes, x, y, sums);
        const float offset = corner & 1 ? (float)((patch[2] - 1) / 2.0) : (float)((1 - patch[2]) / 2.0);
        for (int axis = 3 - axes; axis < 3; axis++) {
            const float grid = where.add(offset, where.affine[axis][2], sums[axis]) / where.half[axis];
            if (!((double)grid <= bound && (double)-grid <= bound)) return true;
        }
    }
    return false;
}

// --- the image -------------------------------------------------------------------------------------------------------

struct Corner {
    i32 index[3];       // of the first corner, in the part that was read
    f32 before[3], after[3];  // weights of the first and the second corner along each axis
};

template <int AXES> inline i32 flat(const int32_t box[3], const i32 index[3]) {
    const i32 plane = AXES == 3 ? index[0] * box[1] + index[1] : index[1];
    return plane * box[2] + index[2];
}

// Every corner is in the part that was read.
template <int AXES> inline f32 inner_value(const float *image, const int32_t box[3], const Corner &corner) {
    const i32 at = flat<AXES>(box, corner.index);
    f32 total = {};
    for (int side = 0; side < (AXES == 3 ? 4 : 2); side++) {
        f32 first, second;
        gather_pairs(image + (side & 1 ? box[2] : 0) + (side & 2 ? (int64_t)box[1] * box[2] : 0), at, first, second);
        f32 weight = side & 1 ? corner.after[1] : corner.before[1];
        if (AXES == 3) weight *= side & 2 ? corner.after[0] : corner.before[0];
        total += weight * (first * corner.before[2] + second * corner.after[2]);
    }
    return total;
}

// Corners outside the part that was read count as 0; all of them are outside the source.
template <int AXES> inline f32 outer_value(const float *image, const int32_t box[3], const Corner &corner) {
    const i32 at = flat<AXES>(box, corner.index);
    f32 total = {};
    for (int side = 0; side < (AXES == 3 ? 8 : 4); side++) {
        i32 inside = all(-1), offset = {};
        f32 weight = all(1.0f);
        const int steps[3] = {side >> 2 & 1, side >> 1 & 1, side & 1};
        const int32_t strides[3] = {box[1] * box[2], box[2], 1};
        for (int axis = 3 - AXES; axis < 3; axis++) {
            const i32 index = corner.index[axis] + steps[axis];
            inside &= (i32)(index >= 0) & (i32)(index < box[axis]);
            weight *= steps[axis] ? corner.after[axis] : corner.before[axis];
            offset += steps[axis] * strides[axis];
        }
        total += gather_where(inside, image, at + offset) * weight;
    }
    return total;
}

template <int AXES> inline f32 nearest_value(const float *image, const int32_t box[3], const i32 index[3]) {
    i32 inside = all(-1);
    for (int axis = 3 - AXES; axis < 3; axis++) inside &= (i32)(index[axis] >= 0) & (i32)(index[axis] < box[axis]);
    return gather_where(inside, image, flat<AXES>(box, index));
}

// Without rotation a row of the patch is one row of the source, blended from four and then stretched.
inline void stretch_row(const Corner &corner, const float *image, const int32_t box[3], float *blended,
                        const float *along, int64_t length, int32_t lower, float *row) {
    float sides[2][2];  // weights of the two planes, and of the two rows
    for (int axis = 0; axis < 2; axis++) {
        const bool first = corner.index[axis][0] >= 0 && corner.index[axis][0] < box[axis];
        const bool second = corner.index[axis][0] + 1 >= 0 && corner.index[axis][0] + 1 < box[axis];
        sides[axis][0] = first ? corner.before[axis][0] : 0.0f;
        sides[axis][1] = second ? corner.after[axis][0] : 0.0f;
    }
    const float *rows[4];
    float weights[4];
    for (int side = 0; side < 4; side++) {
        const int64_t plane = least(most(corner.index[0][0] + (side >> 1), 0), box[0] - 1);
        const int64_t line = least(most(corner.index[1][0] + (side & 1), 0), box[1] - 1);
        rows[side] = image + (plane * box[1] + line) * box[2];
        weights[side] = sides[0][side >> 1] * sides[1][side & 1];
    }
    blended[0] = blended[box[2] + 1] = blended[box[2] + 2] = 0;  // outside
    for (int64_t at = 0; at < box[2]; at++)
        blended[at + 1] = weights[0] * rows[0][at] + weights[1] * rows[1][at] + weights[2] * rows[2][at] +
                          weights[3] * rows[3][at];
    for (int64_t at = 0; at < length; at += W) {
        const f32 position = load(along + at), below = floor_of(position);
        const i32 index = to_int(below) - (lower - 1);
        const i32 safe = index < 0 ? all(0) : index > box[2] + 1 ? all(box[2] + 1) : index;
        const i32 next = index < -1 ? all(0) : index > box[2] ? all(box[2] + 1) : index + 1;
        const f32 value = gather(blended, safe) * (below + 1.0f - position) + gather(blended, next) * (position - below);
        store(row + at, value);
    }
}

// --- one volume ------------------------------------------------------------------------------------------------------

template <int AXES, typename Label>
bool move_part(const Part<Label> &part, const double affine[9], const Layout &layout, Scratch *scratch) {
    const Positions where = positions(layout.is_fused != 0, affine, part.source, part.patch);
    const bool reaches = reaches_outside(AXES, where, part.source, part.patch);
    const bool turns = affine[1] != 0 || affine[2] != 0 || affine[3] != 0 || affine[5] != 0 || affine[6] != 0 || affine[7] != 0;
    const bool stretches = AXES == 3 && !turns && layout.image_is_linear;
    const int segs = part.seg_out ? part.segs : 0;
    const int64_t length = part.patch[2], padded = (length + W) / W * W;

    Cells<AXES, Label> cells = {};
    if (!cells.make(part.seg, part.seg_stride, segs, part.box, (Label)layout.pad, reaches, layout.cuts != 0,
                    scratch))
        return false;
    // Per channel a row of the image; then three rows of positions, a blended row, a row of cells, one that says what is
    // outside, a row of labels.
    const size_t floats = (size_t)padded * (part.channels + 3) + part.box[2] + 4 * W;
    float *rows = (float *)scratch_of(scratch, ROWS, (floats + 3 * (size_t)padded) * sizeof(float));
    if (!rows) return false;
    float *position[3];
    for (int axis = 0; axis < 3; axis++) position[axis] = rows + (part.channels + axis) * padded;
    float *blended = rows + (part.channels + 3) * padded;
    int32_t *index = (int32_t *)(rows + floats);
    int32_t *outside = index + padded;
    Label *labels = (Label *)(outside + padded);
    Ballot<AXES, Label> ballot;
    if (!ballot.make(segs, length, scratch)) return false;

    for (int64_t x = 0; x < part.patch[0]; x++) {
        const int64_t to_x = part.flip[0] ? part.patch[0] - 1 - x : x;
        for (int64_t y = 0; y < part.patch[1]; y++) {
            const int64_t to_y = part.flip[1] ? part.patch[1] - 1 - y : y;
            const int64_t to = (to_x * part.patch[1] + to_y) * length;
            float sums[3];
            where.begin(AXES, (float)x, (float)y, sums);
            Corner first = {};
            for (int64_t z = 0; z < length; z += W) {
                i32 voxel = lanes() + (int32_t)z;
                voxel = voxel < (int32_t)length ? voxel : all((int32_t)length - 1);  // past the end: the last one again
                const f32 offset = to_float(voxel) - where.centre[2];
                Corner corner = {};
                i32 nearest[3];
                i32 inside = all(-1), beyond = {};
                for (int axis = 3 - AXES; axis < 3; axis++) {
                    const f32 grid = where.grid(axis, sums, offset), end = where.end(AXES, axis);
                    const f32 exact = where.at(axis, grid), below = floor_of(exact);
                    beyond |= (i32)(grid > end) | (i32)(grid < -end);
                    store(position[axis] + z, exact);
                    corner.index[axis] = to_int(below) - part.lower[axis];
                    corner.before[axis] = below + 1.0f - exact;
                    corner.after[axis] = exact - below;
                    nearest[axis] = to_int(nearest_even(exact)) - part.lower[axis];
                    inside &= (i32)(corner.index[axis] >= 0) & (i32)(corner.index[axis] < part.box[axis] - 1);
                }
                if (AXES == 2) corner.index[0] = nearest[0] = all(0);
                if (z == 0) first = corner;
                if (!stretches) {
                    const bool is_inner = every(inside);
                    for (int channel = 0; channel < part.channels; channel++) {
                        const float *image = part.image + channel * part.image_stride;
                        f32 value;
                        if (!layout.image_is_linear) value = nearest_value<AXES>(image, part.box, nearest);
                        else if (is_inner) value = inner_value<AXES>(image, part.box, corner);
                        else value = outer_value<AXES>(image, part.box, corner);
                        store(rows + channel * padded + z, value);
                    }
                }
                store(outside + z, beyond);
                if (segs) store(index + z, cells.index(layout.seg_is_linear ? corner.index : nearest));
            }
            for (int channel = 0; channel < part.channels; channel++) {
                float *row = rows + channel * padded;
                if (stretches)
                    stretch_row(first, part.image + channel * part.image_stride, part.box, blended, position[2],
                                length, part.lower[2], row);
                store_row(part.image_out + channel * part.image_out_stride + to, row, length, part.flip[2]);
            }
            for (int channel = 0; channel < segs; channel++) {
                int16_t *out = part.seg_out + channel * part.seg_out_stride + to;
                const Label *table = layout.seg_is_linear ? cells.decided(channel) : cells.labels(channel);
                for (int64_t z = 0; z < length; z++) labels[z] = table[index[z]];
                for (int64_t z = 0; layout.cuts && z < length; z++) labels[z] = outside[z] ? (Label)layout.pad : labels[z];
                store_labels(out, labels, length, part.flip[2], part.replaces, part.from, part.to);
                if (!layout.seg_is_linear) continue;
                ballot.collect(channel, labels, index, position, length, to, part.flip[2]);
                if (ballot.is_full(channel))
                    ballot.count(channel, cells, part.seg_out + channel * part.seg_out_stride, part);
            }
        }
    }
    for (int channel = 0; channel < segs && layout.seg_is_linear; channel++)
        ballot.count(channel, cells, part.seg_out + channel * part.seg_out_stride, part);
    return true;
}

// --- a sample --------------------------------------------------------------------------------------------------------

struct Store {
    bool flip[3];
    bool replaces;
    int16_t from, to;
};

template <typename Label>
bool place_sample(const Layout &layout, const Sample &sample, const double *step, const Store &how, float *image_out,
                  int16_t *seg_out, Scratch *scratch) {
    const bool moves = step[1] != 0;
    const double *affine = step + 2;
    const int64_t box = sample.box[0] * sample.box[1] * sample.box[2];
    const int64_t patch = layout.patch[0] * layout.patch[1] * layout.patch[2];
    Part<Label> part;
    part.image = sample.image;
    part.seg = (const Label *)sample.seg;
    part.image_out = image_out;
    part.seg_out = seg_out;
    part.image_stride = part.seg_stride = box;
    part.image_out_stride = part.seg_out_stride = patch;
    part.channels = layout.read_channels;
    part.segs = layout.seg_channels;
    part.replaces = how.replaces;
    part.from = how.from;
    part.to = how.to;
    for (int axis = 0; axis < 3; axis++) {
        part.box[axis] = (int32_t)sample.box[axis];
        part.lower[axis] = (int32_t)sample.lower[axis];
        part.source[axis] = (int32_t)layout.source[axis];
        part.patch[axis] = (int32_t)layout.patch[axis];
        part.flip[axis] = how.flip[axis];
    }
    if (!moves) {
        crop(part, layout.pad);
        return true;
    }
    if (layout.moved_axes == 3) return move_part<3>(part, affine, layout, scratch);
    const int64_t slices = layout.patch[0];
    part.box[0] = part.patch[0] = part.source[0] = 1;
    part.lower[0] = 0;
    part.flip[0] = false;
    const int64_t from = sample.box[1] * sample.box[2], to = layout.patch[1] * layout.patch[2];
    for (int64_t slice = 0; slice < slices; slice++) {
        const int64_t place = how.flip[0] ? slices - 1 - slice : slice;
        part.image = sample.image + slice * from;
        part.seg = (const Label *)sample.seg + slice * from;
        part.image_out = image_out + place * to;
        part.seg_out = seg_out ? seg_out + place * to : nullptr;
        if (!move_part<2>(part, affine, layout, scratch)) return false;
    }
    return true;
}

}  // namespace
