// The label of a voxel: read from a table of cells where its corners agree, else chosen by a vote of the corners.
//
// The rules and every rounding are those of cells.py and vote.py, which are the reference. Votes are first summed in
// float32 for many voxels at once; that decides nearly all of them with a margin that no rounding can bridge. The rest
// is counted one by one exactly as stock does.
#pragma once
#include "api.h"
#include "simd.h"

namespace {

const int MARGIN = 2;       // voxels of padding around the table: a cell further out has only padding
const float SAFE = 0.501f;  // a share of the votes that is still more than half after any rounding
const float LEAD = 0.002f;  // a lead, as a share of all votes, that no rounding to float16 can take away
const int BALLOT = 4096;    // voxels that vote together

template <typename Label> struct Limits;
template <> struct Limits<int8_t> { static const int lowest = -128; };
template <> struct Limits<int16_t> { static const int lowest = -32768; };

// Two labels of one channel decide by another rule than more.
struct Pair {
    bool two;
    int low, high;
};

template <typename Label> Pair pair_of(const Label *seg, int64_t voxels, bool reaches, int pad) {
    Label low = seg[0], high = seg[0];
    for (int64_t at = 0; at < voxels; at++) {
        low = seg[at] < low ? seg[at] : low;
        high = seg[at] > high ? seg[at] : high;
    }
    Pair pair = {false, low, high};
    if (reaches) {
        pair.low = least(pair.low, pad);
        pair.high = most(pair.high, pad);
    }
    if (pair.low == pair.high || (reaches && pad != pair.low && pad != pair.high)) return pair;
    const Label lowest = (Label)pair.low, highest = (Label)pair.high;
    const int64_t stride = 16384;
    for (int64_t start = 0; start < voxels; start += stride) {
        const int64_t end = least(voxels, start + stride);
        unsigned char other = 0;
        for (int64_t at = start; at < end; at++) other |= (seg[at] != lowest) & (seg[at] != highest);
        if (other) return pair;
    }
    pair.two = true;
    return pair;
}

template <int AXES, typename Label> struct Cells {
    int32_t box[3], size[3], pad;
    bool reaches, cuts;  // Rule in vote.py
    int64_t voxels, room;
    int32_t strides[3];
    Label *padded, *agreed;
    Pair pair[64];

    bool make(const Label *seg, int64_t stride, int segs, const int32_t given[3], Label outside, bool touches,
              bool cut, Scratch *scratch) {
        pad = cut ? Limits<Label>::lowest : outside;  // then no label: who has it has no vote
        reaches = touches && !cut;
        cuts = cut;
        for (int axis = 0; axis < 3; axis++) {
            box[axis] = given[axis];
            size[axis] = given[axis] + (axis >= 3 - AXES ? 2 * MARGIN : 0);
        }
        strides[0] = size[1] * size[2];
        strides[1] = size[2];
        strides[2] = 1;
        voxels = (int64_t)size[0] * size[1] * size[2];
        room = (voxels + 127) / 64 * 64;  // reads of four bytes may begin at the last label
        if (!segs) return true;
        padded = (Label *)scratch_of(scratch, PADDED, (size_t)(segs * room) * sizeof(Label));
        agreed = (Label *)scratch_of(scratch, DECIDED, (size_t)(segs * room) * sizeof(Label));
        if (!padded || !agreed) return false;
        for (int channel = 0; channel < segs; channel++) {
            const Label *from = seg + channel * stride;
            pair[channel] = pair_of(from, (int64_t)box[0] * box[1] * box[2], reaches, pad);
            fill(from, padded + channel * room);
            agree(padded + channel * room, agreed + channel * room);
        }
        return true;
    }

    const Label *labels(int channel) const { return padded + channel * room; }
    const Label *decided(int channel) const { return agreed + channel * room; }

    // The number of a cell; cells far outside count as just outside.
    i32 index(const i32 first[3]) const {
        i32 total = {};
        for (int axis = 3 - AXES; axis < 3; axis++) {
            const i32 low = first[axis] < -MARGIN ? all(-MARGIN) : first[axis];
            const i32 inside = low > box[axis] ? all(box[axis]) : low;
            total += (inside + MARGIN) * strides[axis];
        }
        return total;
    }

    int32_t offset(int corner) const {
        return (corner & 1) + (corner >> 1 & 1) * strides[1] + (AXES == 3 ? (corner >> 2 & 1) * strides[0] : 0);
    }

  private:
    void fill(const Label *from, Label *to) const {
        const int around = AXES == 3 ? MARGIN : 0;
        int64_t at = 0;
        const auto blank = [&](int64_t count) {
            for (int64_t end = at + count; at < end; at++) to[at] = (Label)pad;
        };
        blank((int64_t)around * strides[0]);
        for (int x = 0; x < box[0]; x++) {
            blank((int64_t)MARGIN * strides[1]);
            for (int y = 0; y < box[1]; y++) {
                blank(MARGIN);
                memcpy(to + at, from, (size_t)box[2] * sizeof(Label));
                at += box[2];
                from += box[2];
                blank(MARGIN);
            }
            blank((int64_t)MARGIN * strides[1]);
        }
        blank(room - at);
    }

    // Flat shifts wrap around at the ends of rows and in the last slice; no cell that is ever read starts there.
    void agree(const Label *from, Label *to) const {
        const int64_t ahead = strides[1] + 1 + (AXES == 3 ? strides[0] : 0), end = voxels - ahead;
        const int64_t row = strides[1], plane = strides[0];
        const Label open = (Label)Limits<Label>::lowest;
        for (int64_t at = 0; at < end; at++) {
            const Label own = from[at];
            Label differs = (Label)((own ^ from[at + 1]) | (own ^ from[at + row]) | (own ^ from[at + row + 1]));
            if (AXES == 3)
                differs |= (Label)((own ^ from[at + plane]) | (own ^ from[at + plane + 1]) |
                                   (own ^ from[at + plane + row]) | (own ^ from[at + plane + row + 1]));
            to[at] = differs ? open : own;
        }
        for (int64_t at = most((int64_t)0, end); at < room; at++) to[at] = open;
    }
};

// To float16 and back: to the nearest multiple of its step at this size, ties to even.
inline float through_float16(float value) {
    if (value == 0) return value;
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    const int exponent = most((int)(word >> 23 & 255) - 127, -14) - 10;
    const float big = ldexpf(12582912.0f, exponent);  // 1.5 * 2**23 steps
    const volatile float moved = value + big;
    return moved - big;
}

template <int AXES, typename Label>
int exact_vote(const Cells<AXES, Label> &cells, int channel, int32_t cell, const float position[3]) {
    const int corners = 1 << AXES;
    const Label *first = cells.labels(channel) + cell;
    int labels[8];
    float scores[8], side[3][2];
    int near = 0;
    for (int axis = 3 - AXES; axis < 3; axis++) {
        const float below = floorf(position[axis]);
        side[axis][0] = below + 1 - position[axis];
        side[axis][1] = position[axis] - below;
        near |= (int)(nearbyintf(position[axis]) - below) << (2 - axis);
    }
    float others = 0;
    for (int corner = 0; corner < corners; corner++) {
        labels[corner] = first[cells.offset(corner)];
        float weight = side[2][corner & 1] * side[1][corner >> 1 & 1];
        if (AXES == 3) weight *= side[0][corner >> 2];
        scores[corner] = weight * 1000.0f;
        others += labels[corner] == cells.pad ? 0.0f : scores[corner];
    }
    const Pair &pair = cells.pair[channel];
    const int own = labels[near];
    float best = -1, own_score = 0, high_score = 0;
    int winner = 0;
    for (int corner = 0; corner < corners; corner++) {
        if (cells.cuts && labels[corner] == cells.pad) continue;
        float total = 0;
        for (int other = 0; other < corners; other++) total += labels[other] == labels[corner] ? scores[other] : 0.0f;
        if (cells.reaches && labels[corner] == cells.pad) total = 1000.0f - others;
        total = through_float16(total);
        if (total > best || (total == best && labels[corner] < winner)) {
            best = total;
            winner = labels[corner];
        }
        if (labels[corner] == own) own_score = total;
        if (labels[corner] == pair.high) high_score = total;
    }
    if (cells.cuts) return winner;
    if (pair.two) return high_score > 500.0f ? pair.high : high_score == 500.0f ? own : pair.low;
    return own_score == best ? own : winner;
}

// The voxels that must vote, collected over several rows.
template <int AXES, typename Label> struct Ballot {
    int64_t room, held[64];
    float *positions;
    int32_t *cells_of, *targets;

    bool make(int segs, int64_t length, Scratch *scratch) {
        room = BALLOT + length + W;
        const size_t count = (size_t)most(segs, 1) * room;
        positions = (float *)scratch_of(scratch, OPEN, count * 5 * sizeof(float));
        if (!positions) return false;
        cells_of = (int32_t *)(positions + 3 * count);
        targets = cells_of + count;
        for (int channel = 0; channel < segs; channel++) held[channel] = 0;
        return true;
    }

    bool is_full(int channel) const { return held[channel] >= BALLOT; }

    void collect(int channel, const Label *labels, const int32_t *index, float *const position[3], int64_t length,
                 int64_t to, bool reversed) {
        const Label open = (Label)Limits<Label>::lowest;
        int32_t *which = targets + channel * room, *cell = cells_of + channel * room;
        float *where = positions + 3 * channel * room;
        const int64_t start = held[channel];
        int64_t count = start;
        for (int64_t z = 0; z < length; z++) {
            which[count] = (int32_t)z;
            count += labels[z] == open;
        }
        for (int64_t at = start; at < count; at++) {
            const int32_t z = which[at];
            for (int axis = 3 - AXES; axis < 3; axis++) where[axis * room + at] = position[axis][z];
            cell[at] = index[z];
            which[at] = (int32_t)(to + (reversed ? length - 1 - z : z));
        }
        held[channel] = count;
    }

    template <typename P> void count(int channel, const Cells<AXES, Label> &cells, int16_t *out, const P &part) {
        const int64_t total = held[channel];
        float *where = positions + 3 * channel * room;
        int32_t *cell = cells_of + channel * room;
        const int32_t *which = targets + channel * room;
        for (int64_t at = total; at < (total + W - 1) / W * W; at++) {  // the last vector is filled up with any cell
            cell[at] = 0;
            for (int axis = 3 - AXES; axis < 3; axis++) where[axis * room + at] = 0;
        }
        for (int64_t at = 0; at < total; at += W) {
            int32_t chosen[W];
            store(chosen, rough(cells, cells.labels(channel), load(cell + at), where + at));
            for (int64_t lane = 0; lane < least((int64_t)W, total - at); lane++) {
                int label = chosen[lane];
                if (label == UNSURE) {
                    float position[3];
                    for (int axis = 3 - AXES; axis < 3; axis++) position[axis] = where[axis * room + at + lane];
                    label = exact_vote(cells, channel, cell[at + lane], position);
                }
                out[which[at + lane]] = part.replaces && label == part.from ? part.to : (int16_t)label;
            }
        }
        held[channel] = 0;
    }

  private:
    static const int UNSURE = 1 << 20;  // no label

    // The winners that are beyond doubt.
    i32 rough(const Cells<AXES, Label> &cells, const Label *labels, i32 cell, const float *where) const {
        const int corners = 1 << AXES, shift = sizeof(Label) == 1 ? 24 : 16;
        i32 label[8];
        f32 side[3][2];
        i32 is_far[3];
        for (int axis = 3 - AXES; axis < 3; axis++) {
            const f32 exact = load(where + axis * room), below = floor_of(exact);
            side[axis][1] = exact - below;
            side[axis][0] = 1.0f - side[axis][1];
            is_far[axis] = (i32)(side[axis][1] > 0.5f);
        }
        for (int corner = 0; corner < corners; corner += 2) {
            const i32 word = gather_bytes(labels + cells.offset(corner), cell * (int32_t)sizeof(Label));
            label[corner] = (i32)((u32)word << (uint32_t)shift) >> shift;
            label[corner + 1] = (i32)((u32)word << (uint32_t)(shift == 24 ? 16 : 0)) >> shift;
        }
        i32 own[4];
        for (int line = 0; line < corners / 2; line++) own[line] = is_far[2] ? label[2 * line + 1] : label[2 * line];
        for (int line = 0; line < corners / 4; line++) own[line] = is_far[1] ? own[2 * line + 1] : own[2 * line];
        const i32 nearest = AXES == 3 ? (is_far[0] ? own[1] : own[0]) : own[0];
        f32 votes = {}, weights[8];
        i32 low = all(UNSURE), high = all(-UNSURE);
        for (int corner = 0; corner < corners; corner++) {
            weights[corner] = side[2][corner & 1] * side[1][corner >> 1 & 1];
            if (AXES == 3) weights[corner] *= side[0][corner >> 2];
            const i32 same = (i32)(label[corner] == nearest);
            votes += from_bits(bits(weights[corner]) & same);
            low = same ? low : label[corner] < low ? label[corner] : low;
            high = same ? high : label[corner] > high ? label[corner] : high;
        }
        const i32 rival = low == high ? low : all(UNSURE);
        i32 chosen = votes > SAFE ? nearest : votes < 1.0f - SAFE ? rival : all(UNSURE);
        if (!every(chosen != UNSURE)) chosen = leader(label, weights);
        for (int corner = 0; cells.cuts && corner < corners; corner++)
            chosen = label[corner] == cells.pad ? all(UNSURE) : chosen;
        return chosen;
    }

    // The label with the most votes, where its lead is safe.
    static i32 leader(const i32 *label, const f32 *weights) {
        const int corners = 1 << AXES;
        f32 votes[8], best = {}, second = {};
        i32 winner = label[0];
        for (int corner = 0; corner < corners; corner++) votes[corner] = weights[corner];
        for (int corner = 0; corner < corners; corner++) {
            for (int other = corner + 1; other < corners; other++) {
                const i32 same = (i32)(label[corner] == label[other]);
                votes[corner] += from_bits(bits(weights[other]) & same);
                votes[other] += from_bits(bits(weights[corner]) & same);
            }
        }
        for (int corner = 0; corner < corners; corner++) {
            winner = votes[corner] > best ? label[corner] : winner;
            best = votes[corner] > best ? votes[corner] : best;
        }
        for (int corner = 0; corner < corners; corner++) {
            const f32 rival = label[corner] == winner ? f32{} : votes[corner];
            second = rival > second ? rival : second;
        }
        return best - second > LEAD ? winner : all(UNSURE);
    }
};

}  // namespace
