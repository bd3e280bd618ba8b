// Reads the boxes of many samples in one call: from files through c-blosc2, whose functions are given, or from memory.
#pragma once
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "api.h"

namespace {

// c-blosc2's functions; libblosc2.py gives their addresses in this order.
struct Blosc2 {
    // b2nd_get_slice_cbuffer: array, start, stop, buffer, shape of the dense memory around it, bytes.
    int (*get_slice)(const void *, const int64_t *, const int64_t *, void *, const int64_t *, int64_t);
    // blosc2_schunk_get_lazychunk: chunks, number, the chunk (its blocks stay in the file), whether it must be freed;
    // returns its bytes.
    int (*lazy_chunk)(void *, int64_t, uint8_t **, bool *);
    // blosc2_getitem_ctx: context, chunk, its bytes, first voxel, voxels, buffer, bytes.
    int (*get_voxels)(void *, const void *, int32_t, int, int, void *, int32_t);
};

inline int64_t bytes_of(int64_t type) { return type == FLOAT32 ? 4 : type == INT16 ? 2 : 1; }

inline int64_t product(const int64_t size[4]) { return size[0] * size[1] * size[2] * size[3]; }

inline bool is_unchanged(const Read &read) {
    if (!read.path) return true;
    struct stat now;
    return !stat(read.path, &now) && now.st_size == read.bytes && (int64_t)now.st_ino == read.inode &&
           (int64_t)now.st_mtim.tv_sec * 1000000000 + now.st_mtim.tv_nsec == read.modified_ns;
}

// False if a value does not fit.
template <typename From, typename To> bool convert_row(const From *from, To *to, int64_t count) {
    int lost = 0;
    for (int64_t at = 0; at < count; at++) {
        to[at] = (To)from[at];
        lost |= (int)from[at] ^ (int)to[at];
    }
    return !lost;
}

inline bool copy_row(int64_t from_type, const void *from, int64_t to_type, void *to, int64_t count) {
    switch (from_type * TYPES + to_type) {
    case FLOAT32 * TYPES + FLOAT32: memcpy(to, from, (size_t)count * 4); return true;
    case INT8 * TYPES + INT8: memcpy(to, from, (size_t)count); return true;
    case INT8 * TYPES + INT16: return convert_row((const int8_t *)from, (int16_t *)to, count);
    case UINT8 * TYPES + INT8: return convert_row((const uint8_t *)from, (int8_t *)to, count);
    case UINT8 * TYPES + INT16: return convert_row((const uint8_t *)from, (int16_t *)to, count);
    case INT16 * TYPES + INT8: return convert_row((const int16_t *)from, (int8_t *)to, count);
    case INT16 * TYPES + INT16: memcpy(to, from, (size_t)count * 2); return true;
    }
    return false;
}

// Copies a box of ``part`` voxels from one dense array to ``to`` of the other.
inline bool copy_box(const Read &read, const char *from, const int64_t around[4], const int64_t at[4],
                     const int64_t to[4], const int64_t part[4]) {
    const int64_t from_bytes = bytes_of(read.from), to_bytes = bytes_of(read.to);
    for (int64_t c = 0; c < part[0]; c++)
        for (int64_t i = 0; i < part[1]; i++)
            for (int64_t j = 0; j < part[2]; j++) {
                const int64_t here = (((at[0] + c) * around[1] + at[1] + i) * around[2] + at[2] + j) * around[3] + at[3];
                const int64_t there =
                    (((to[0] + c) * read.size[1] + to[1] + i) * read.size[2] + to[2] + j) * read.size[3] + to[3];
                if (!copy_row(read.from, from + here * from_bytes, read.to, read.out + there * to_bytes, part[3])) return false;
            }
    return true;
}

inline void fill(const Read &read, int64_t first, int64_t count) {
    if (read.to == FLOAT32) {
        float *out = (float *)read.out + first;
        for (int64_t at = 0; at < count; at++) out[at] = (float)read.outside;
    } else if (read.to == INT16) {
        int16_t *out = (int16_t *)read.out + first;
        for (int64_t at = 0; at < count; at++) out[at] = (int16_t)read.outside;
    } else {
        memset(read.out + first, (int)read.outside, (size_t)count);
    }
}

// Fills what is around the part that was read. After reading: c-blosc2 may have written into the margins between rows.
inline void fill_around(const Read &read, const int64_t part[4]) {
    const int64_t *size = read.size, *at = read.at, slice = size[2] * size[3];
    for (int64_t c = 0; c < size[0]; c++) {
        for (int64_t i = 0; i < size[1]; i++) {
            const int64_t start = (c * size[1] + i) * slice;
            if (i < at[1] || i >= at[1] + part[1]) {
                fill(read, start, slice);
                continue;
            }
            const int64_t end_j = at[2] + part[2], end_k = at[3] + part[3];
            fill(read, start, at[2] * size[3]);
            fill(read, start + end_j * size[3], (size[2] - end_j) * size[3]);
            if (part[3] == size[3]) continue;
            for (int64_t j = at[2]; j < end_j; j++) {
                fill(read, start + j * size[3], at[3]);
                fill(read, start + j * size[3] + end_k, size[3] - end_k);
            }
        }
    }
}

// The next piece of a box of pieces, ``low`` to ``high``, the last axis first; false at the end.
inline bool advance(int64_t at[4], const int64_t low[4], const int64_t high[4]) {
    for (int axis = 3; axis >= 0; axis--) {
        if (at[axis]++ < high[axis]) return true;
        at[axis] = low[axis];
    }
    return false;
}

// Copies what the box has of one block of a chunk. ``begin``: the chunk's first voxel; ``voxels``: memory for a block.
inline bool read_block(const Read &read, const Blosc2 *blosc2, const uint8_t *chunk, int32_t bytes,
                       const int64_t begin[4], const int64_t block[4], char *voxels) {
    const int64_t *size = read.block, count = product(size);
    int64_t number = 0, at[4], to[4], part[4];
    for (int axis = 0; axis < 4; axis++) {
        const int64_t first = begin[axis] + block[axis] * size[axis], end = begin[axis] + read.chunk[axis];
        const int64_t low = first > read.start[axis] ? first : read.start[axis];
        int64_t high = first + size[axis] < end ? first + size[axis] : end;
        if (high > read.stop[axis]) high = read.stop[axis];
        number = number * ((read.chunk[axis] + size[axis] - 1) / size[axis]) + block[axis];
        at[axis] = low - first;
        to[axis] = read.at[axis] + low - read.start[axis];
        part[axis] = high - low;
    }
    const int32_t whole = (int32_t)(count * bytes_of(read.from));
    return blosc2->get_voxels(read.context, chunk, bytes, (int)(number * count), (int)count, voxels, whole) == whole &&
           copy_box(read, voxels, size, at, to, part);
}

inline bool read_chunk(const Read &read, const Blosc2 *blosc2, const int64_t chunk[4], char *voxels) {
    int64_t number = 0, begin[4], first[4], last[4], block[4];
    for (int axis = 0; axis < 4; axis++) {
        const int64_t size = read.chunk[axis];
        begin[axis] = chunk[axis] * size;
        number = number * ((read.shape[axis] + size - 1) / size) + chunk[axis];
        const int64_t low = read.start[axis] - begin[axis], high = read.stop[axis] - begin[axis];
        first[axis] = block[axis] = (low > 0 ? low : 0) / read.block[axis];
        last[axis] = ((high < size ? high : size) - 1) / read.block[axis];
    }
    uint8_t *found = nullptr;
    bool is_ours = false;
    const int bytes = blosc2->lazy_chunk(read.chunks, number, &found, &is_ours);
    bool works = bytes > 0;
    while (works) {
        works = read_block(read, blosc2, found, bytes, begin, block, voxels);
        if (!advance(block, first, last)) break;
    }
    if (is_ours) free(found);
    return works;
}

// Reads block by block. c-blosc2's own slices clear the whole target first, and pass through memory for a whole chunk,
// 6 MB in nnU-Net's files: a box then takes 1.4 times as long.
bool read_blocks(const Read &read, const Blosc2 *blosc2, Scratch *scratch) {
    char *voxels = (char *)scratch_of(scratch, READ_PART, (size_t)(product(read.block) * bytes_of(read.from)));
    if (!voxels) return false;
    int64_t first[4], last[4], chunk[4];
    for (int axis = 0; axis < 4; axis++) {
        first[axis] = chunk[axis] = read.start[axis] / read.chunk[axis];
        last[axis] = (read.stop[axis] - 1) / read.chunk[axis];
    }
    do {
        if (!read_chunk(read, blosc2, chunk, voxels)) return false;
    } while (advance(chunk, first, last));
    return true;
}

bool read_one(const Read &read, const Blosc2 *blosc2, Scratch *scratch) {
    if (!is_unchanged(read)) return false;
    int64_t part[4];
    for (int axis = 0; axis < 4; axis++) part[axis] = read.stop[axis] - read.start[axis];
    if (part[1] <= 0 || part[2] <= 0 || part[3] <= 0) {
        fill(read, 0, product(read.size));
        return true;
    }
    const int64_t voxels = product(part), skipped = 4 - read.axes;
    bool works;
    if (!read.handle) {
        works = copy_box(read, read.array, read.shape, read.start, read.at, part);
    } else if (read.context) {
        works = read_blocks(read, blosc2, scratch);
    } else if (read.from == read.to && (voxels == product(read.size) || voxels != product(read.chunk))) {
        // A box of exactly one chunk may be decompressed as if the memory were dense: sources.py.
        const int64_t *at = read.at, *size = read.size;
        const int64_t first = ((at[0] * size[1] + at[1]) * size[2] + at[2]) * size[3] + at[3];
        const int64_t around[4] = {part[0], skipped ? part[1] : size[1], size[2], size[3]};
        works = blosc2->get_slice(read.handle, read.start + skipped, read.stop + skipped,
                                 read.out + first * bytes_of(read.to), around + skipped,
                                 voxels * bytes_of(read.to)) >= 0;
    } else {
        char *dense = (char *)scratch_of(scratch, READ_PART, (size_t)(voxels * bytes_of(read.from)));
        const int64_t none[4] = {0, 0, 0, 0};
        works = dense && blosc2->get_slice(read.handle, read.start + skipped, read.stop + skipped, dense, part + skipped,
                                          voxels * bytes_of(read.from)) >= 0 &&
                copy_box(read, dense, part, none, read.at, part);
    }
    if (works && voxels != product(read.size)) fill_around(read, part);
    return works;
}

// What a thread reads at the moment, for another thread that watches it; the time is that of CLOCK_MONOTONIC.
struct Progress {
    int64_t since_ns, number;
};

// Returns how many reads were done before one failed. The caller repeats that one, to find out why.
int64_t read_all(const Read *reads, int64_t count, const Blosc2 *blosc2, Progress *progress, Scratch *scratch) {
    for (int64_t number = 0; number < count; number++) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        __atomic_store_n(&progress->since_ns, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, __ATOMIC_RELEASE);
        __atomic_store_n(&progress->number, number, __ATOMIC_RELEASE);
        if (!read_one(reads[number], blosc2, scratch)) return number;
    }
    return count;
}

}  // namespace
