// The previous stage of a cascade: its labels as channels of the image, grown, shrunk, or without one component.
//
// Such a channel is worked on as bits, 64 voxels of a row in a word.
#pragma once
#include <limits.h>

#include "api.h"
#include "simd.h"

namespace {

const int MOST_WIDTH = 40;  // of a ball, in voxels; encode.py allows radii that stay below it

inline void one_hot(float *image, const int16_t *seg, int64_t voxels, int16_t label) {
    for (int64_t at = 0; at < voxels; at++) image[at] = seg[at] == label ? 1.0f : 0.0f;
}

// --- balls -----------------------------------------------------------------------------------------------------------

// The voxels of a ball in one row: a voxel of the result looks at these, counted from itself.
struct BallRow {
    int plane, row, kind;
};

struct Ball {
    int runs, kinds, reach;  // ``reach``: planes and rows that lie at most this far away count
    BallRow run[MOST_WIDTH * MOST_WIDTH];
    int first[MOST_WIDTH], last[MOST_WIDTH];  // of each kind of run: its voxels
};

// binary_operator.py: the points of a ball along an axis, with numpy's roundings; returns how many.
inline int points_of(double *points, double radius, int axes) {
    const double second = -radius + 1, step = axes == 3 ? 0 : second - -radius;
    const double count = axes == 3 ? 2 * radius + 1 : ceil(radius + 1 - -radius);
    const int length = (int)count;
    if (!(count >= 1 && length <= MOST_WIDTH)) return 0;
    const double apart = axes != 3 ? step : length == 1 ? 1 : (radius - -radius) / (length - 1);
    for (int at = 0; at < length; at++) points[at] = axes != 3 && at == 1 ? second : at * apart + -radius;
    return length;
}

inline bool ball_of(Ball &ball, double radius, int axes) {
    double points[MOST_WIDTH];
    const int width = points_of(points, radius, axes), before = (width - 1) / 2;
    ball.runs = ball.kinds = 0;
    ball.reach = width;
    for (int plane = 0; plane < (axes == 3 ? width : 1); plane++) {
        for (int row = 0; row < width; row++) {
            int first = -1, last = -1;
            for (int at = 0; at < width; at++) {
                double squares = points[at] * points[at] + points[row] * points[row];
                if (axes == 3) squares += points[plane] * points[plane];
                if (!(squares <= radius * radius)) continue;
                if (first < 0) first = at;
                last = at;
            }
            if (first < 0) continue;
            int kind = 0;
            while (kind < ball.kinds && !(ball.first[kind] == first - before && ball.last[kind] == last - before)) kind++;
            if (kind == ball.kinds) {
                if (kind == MOST_WIDTH) return false;
                ball.first[kind] = first - before;
                ball.last[kind] = last - before;
                ball.kinds++;
            }
            ball.run[ball.runs++] = {axes == 3 ? plane - before : 0, row - before, kind};
        }
    }
    return width > 0;
}

// --- bits ------------------------------------------------------------------------------------------------------------

// Rows of bits, with a spare word at the end of each.
struct Bits {
    uint64_t *words;
    int64_t planes, rows, length, each;  // ``each``: words of a row

    uint64_t *row(int64_t plane, int64_t line) const { return words + (plane * rows + line) * each; }
    uint64_t valid(int64_t word) const {  // the bits of a word that are voxels
        const int64_t rest = length - 64 * word;
        return rest >= 64 ? ~0ull : rest <= 0 ? 0 : (1ull << rest) - 1;
    }
};

struct Box {
    int64_t low[2], high[2];  // planes and rows from ``low`` to before ``high``
};

inline void pack_row(uint64_t *to, const float *from, const Bits &bits) {
    for (int64_t word = 0; word < bits.each; word++) {
        uint64_t packed = 0;
        for (int64_t lane = 0; lane < 64 && 64 * word + lane < bits.length; lane += W) {
            const int64_t at = 64 * word + lane, rest = bits.length - at;
            const f32 value = rest >= W ? load(from + at) : load_some(from + at, rest);
            packed |= (uint64_t)bits_where((i32)(value != 0.0f)) << lane;
        }
        to[word] = packed;
    }
}

// All bits of a lane set where its bit is.
inline i32 lanes_where(const uint64_t *row, int64_t at) {
    return -((all((int32_t)(row[at / 64] >> (at % 64) & 0xFFFF)) >> lanes()) & 1);
}

inline bool is_empty(const uint64_t *row, int64_t words) {
    uint64_t any = 0;
    for (int64_t word = 0; word < words; word++) any |= row[word];
    return !any;
}

// Planes and rows that are not empty.
inline Box box_of(const Bits &bits) {
    Box box = {{bits.planes, bits.rows}, {0, 0}};
    for (int64_t plane = 0; plane < bits.planes; plane++) {
        for (int64_t line = 0; line < bits.rows; line++) {
            if (is_empty(bits.row(plane, line), bits.each)) continue;
            const int64_t here[2] = {plane, line};
            for (int axis = 0; axis < 2; axis++) {
                box.low[axis] = least(box.low[axis], here[axis]);
                box.high[axis] = most(box.high[axis], here[axis] + 1);
            }
        }
    }
    return box;
}

// Bit i becomes bit i + ``by`` of the same row, 0 outside it; ``by`` is at most 63 either way. May be in place if by > 0.
inline void shift_row(uint64_t *to, const uint64_t *from, int64_t words, int by) {
    if (by > 0)
        for (int64_t word = 0; word < words; word++)
            to[word] = from[word] >> by | (word + 1 < words ? from[word + 1] << (64 - by) : 0);
    else
        for (int64_t word = words - 1; word >= 0; word--)
            to[word] = by ? from[word] << -by | (word ? from[word - 1] >> (64 + by) : 0) : from[word];
}

// Bit i: whether any of the bits i + first ... i + last is set.
inline void any_of(uint64_t *to, const uint64_t *from, int64_t words, int first, int last) {
    shift_row(to, from, words, first);
    for (int have = 1, all_of = last - first + 1; have < all_of;) {
        const int by = least(have, all_of - have);
        for (int64_t word = 0; word < words; word++)
            to[word] |= to[word] >> by | (word + 1 < words ? to[word + 1] << (64 - by) : 0);
        have += by;
    }
}

// In the rows of ``box``: the voxels that see a set one within the ball. ``inverts``: a voxel counts as set if it is not.
inline void spread(const Bits &from, const Bits &to, bool inverts, const Ball &ball, const Box &box, uint64_t *memory) {
    uint64_t *source = memory, *kinds = memory + from.each;
    const int64_t each = from.each;
    for (int64_t plane = box.low[0]; plane < box.high[0]; plane++)
        for (int64_t line = box.low[1]; line < box.high[1]; line++) memset(to.row(plane, line), 0, (size_t)each * 8);
    for (int64_t plane = most((int64_t)0, box.low[0] - ball.reach); plane < least(from.planes, box.high[0] + ball.reach); plane++) {
        for (int64_t line = most((int64_t)0, box.low[1] - ball.reach); line < least(from.rows, box.high[1] + ball.reach); line++) {
            const uint64_t *row = from.row(plane, line);
            for (int64_t word = 0; word < each; word++) source[word] = inverts ? ~row[word] & from.valid(word) : row[word];
            if (is_empty(source, each)) continue;
            for (int kind = 0; kind < ball.kinds; kind++)
                any_of(kinds + kind * each, source, each, ball.first[kind], ball.last[kind]);
            for (int number = 0; number < ball.runs; number++) {
                const int64_t at = plane - ball.run[number].plane, beside = line - ball.run[number].row;
                if (at < box.low[0] || at >= box.high[0] || beside < box.low[1] || beside >= box.high[1]) continue;
                uint64_t *out = to.row(at, beside);
                const uint64_t *seen = kinds + ball.run[number].kind * each;
                for (int64_t word = 0; word + 1 < each; word++) out[word] |= seen[word];
            }
        }
    }
    for (int64_t plane = box.low[0]; plane < box.high[0]; plane++)
        for (int64_t line = box.low[1]; line < box.high[1]; line++)
            for (int64_t word = 0; word < each; word++) to.row(plane, line)[word] &= to.valid(word);
}

inline void grow(const Bits &from, const Bits &to, const Ball &ball, uint64_t *memory) {
    spread(from, to, false, ball, {{0, 0}, {from.planes, from.rows}}, memory);
}

// Only voxels of the mask can stay, so only its rows are looked at.
inline void shrink(const Bits &from, const Bits &to, const Ball &ball, uint64_t *memory) {
    const Box box = box_of(from);
    spread(from, to, true, ball, box, memory);
    for (int64_t plane = 0; plane < from.planes; plane++) {
        for (int64_t line = 0; line < from.rows; line++) {
            const bool inside = plane >= box.low[0] && plane < box.high[0] && line >= box.low[1] && line < box.high[1];
            uint64_t *out = to.row(plane, line);
            const uint64_t *row = from.row(plane, line);
            for (int64_t word = 0; word < from.each; word++) out[word] = inside ? row[word] & ~out[word] : 0;
        }
    }
}

enum Operator { GROW, SHRINK, GROW_SHRINK, SHRINK_GROW };

// binary_operator.py. ``numbers``: the channel, the operator, the radius, the axes of a ball, and the channels of all
// labels: the first one and their number. ``image``: (channels, *size).
inline bool operate(float *image, const int64_t size[3], const double numbers[6], Scratch *scratch) {
    const int64_t voxels = size[0] * size[1] * size[2], length = size[2], each = (length + 63) / 64 + 1;
    const int64_t volume = size[0] * size[1] * each;
    Ball *ball = (Ball *)scratch_of(scratch, BALL, sizeof(Ball));
    uint64_t *memory = (uint64_t *)scratch_of(scratch, BITS, (size_t)(3 * volume + (MOST_WIDTH + 1) * each) * 8);
    if (!ball || !memory || !ball_of(*ball, numbers[2], (int)numbers[3])) return false;
    Bits masks[3];
    for (int number = 0; number < 3; number++) masks[number] = {memory + number * volume, size[0], size[1], length, each};
    uint64_t *rows = memory + 3 * volume;
    float *channel = image + (int64_t)numbers[0] * voxels;
    for (int64_t line = 0; line < size[0] * size[1]; line++) pack_row(masks[0].words + line * each, channel + line * length, masks[0]);
    const int what = (int)numbers[1];
    const bool grows_first = what == GROW || what == GROW_SHRINK;
    if (grows_first) grow(masks[0], masks[1], *ball, rows);
    else shrink(masks[0], masks[1], *ball, rows);
    if (what == GROW_SHRINK) shrink(masks[1], masks[2], *ball, rows);
    if (what == SHRINK_GROW) grow(masks[1], masks[2], *ball, rows);
    const Bits &after = masks[what == GROW_SHRINK || what == SHRINK_GROW ? 2 : 1];
    const int64_t first = (int64_t)numbers[4], last = first + (int64_t)numbers[5];
    for (int64_t line = 0; line < size[0] * size[1]; line++) {
        uint64_t *now = after.words + line * each, *added = rows;
        const uint64_t *old = masks[0].words + line * each;
        for (int64_t word = 0; word < each; word++) added[word] = now[word] & ~old[word];
        const bool gains = !is_empty(added, each);
        for (int64_t at = 0; at < length; at += W) {
            const int64_t rest = length - at;
            const auto put = [&](float *to, f32 value) { if (rest >= W) store(to, value); else store_some(to, value, rest); };
            float *to = channel + line * length + at;
            put(to, from_bits(lanes_where(now, at) & bits(all(1.0f))));
            for (int64_t other = first; gains && other < last; other++) {
                float *taken = image + other * voxels + line * length + at;
                if (taken == to) continue;
                const f32 value = rest >= W ? load(taken) : load_some(taken, rest);
                put(taken, from_bits(bits(value) & ~lanes_where(added, at)));
            }
        }
    }
    return true;
}

// --- components ------------------------------------------------------------------------------------------------------

// Voxels of one row that lie beside each other; ``parent``: another piece of the same component, or itself.
struct Piece {
    int32_t first, last, parent, voxels;
};

inline int32_t root_of(Piece *pieces, int32_t piece) {
    while (pieces[piece].parent != piece) piece = pieces[piece].parent = pieces[pieces[piece].parent].parent;
    return piece;
}

// Joins the pieces of two rows that touch, also across a corner; the earlier one becomes the root.
inline void join_rows(Piece *pieces, int32_t one, int32_t one_end, int32_t two, int32_t two_end) {
    while (one < one_end && two < two_end) {
        if (pieces[one].first <= pieces[two].last + 1 && pieces[two].first <= pieces[one].last + 1) {
            const int32_t a = root_of(pieces, one), b = root_of(pieces, two);
            pieces[most(a, b)].parent = least(a, b);
        }
        if (pieces[one].last < pieces[two].last) one++;
        else two++;
    }
}

// Pieces of a row of a channel; without ``to`` they are only counted.
inline int64_t pieces_of(const float *row, int64_t length, Piece *to, int64_t number) {
    int64_t count = 0;
    for (int64_t at = 0; at < length; at++) {
        if (!(row[at] != 0)) continue;
        const int64_t first = at;
        while (at + 1 < length && row[at + 1] != 0) at++;
        if (to) to[count] = {(int32_t)first, (int32_t)at, (int32_t)(number + count), (int32_t)(at + 1 - first)};
        count++;
    }
    return count;
}

// remove_component.py. ``numbers``: the channel, the choice, the channel that gets the component or -1, and the share of
// the image that a component must stay below.
inline bool remove_component(float *image, const int64_t size[3], const double numbers[4], Scratch *scratch) {
    const int64_t rows = size[0] * size[1], length = size[2], voxels = rows * length;
    float *channel = image + (int64_t)numbers[0] * voxels;
    int64_t count = 0;
    for (int64_t line = 0; line < rows; line++) count += pieces_of(channel + line * length, length, nullptr, 0);
    if (count >= INT_MAX) return false;
    Piece *pieces = (Piece *)scratch_of(scratch, PIECES, (size_t)count * sizeof(Piece) + (size_t)(rows + 1) * sizeof(int32_t));
    if (!pieces) return false;
    int32_t *begin = (int32_t *)(pieces + count);  // of each row
    begin[0] = 0;
    for (int64_t line = 0; line < rows; line++) {
        begin[line + 1] = begin[line] + (int32_t)pieces_of(channel + line * length, length, pieces + begin[line], begin[line]);
        const int64_t plane = line / size[1], row = line % size[1];
        for (int64_t other = -1; other <= 1; other++) {
            if (plane && row + other >= 0 && row + other < size[1]) {
                const int64_t there = line - size[1] + other;
                join_rows(pieces, begin[there], begin[there + 1], begin[line], begin[line + 1]);
            }
        }
        if (row) join_rows(pieces, begin[line - 1], begin[line], begin[line], begin[line + 1]);
    }
    for (int32_t piece = 0; piece < count; piece++) {
        const int32_t root = root_of(pieces, piece);
        if (root != piece) pieces[root].voxels += pieces[piece].voxels;
    }
    const double most_voxels = (double)voxels * numbers[3];
    const auto is_small = [&](int32_t piece) { return pieces[piece].parent == piece && pieces[piece].voxels < most_voxels; };
    int64_t small = 0;
    for (int32_t piece = 0; piece < count; piece++) small += is_small(piece);
    int64_t left = (int64_t)(numbers[1] * (double)small);
    int32_t gone = -1;
    for (int32_t piece = 0; piece < count && gone < 0; piece++)
        if (is_small(piece) && left-- == 0) gone = piece;
    float *receiver = numbers[2] < 0 ? nullptr : image + (int64_t)numbers[2] * voxels;
    for (int64_t line = 0; gone >= 0 && line < rows; line++) {
        for (int32_t piece = begin[line]; piece < begin[line + 1]; piece++) {
            if (root_of(pieces, piece) != gone) continue;
            for (int64_t at = pieces[piece].first; at <= pieces[piece].last; at++) {
                channel[line * length + at] = 0;
                if (receiver) receiver[line * length + at] = 1;
            }
        }
    }
    return true;
}

}  // namespace
