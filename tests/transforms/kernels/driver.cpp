// Runs the kernels on random input in memory of exactly the right size, under the sanitizers; no Python.
//
// The input is more random than a chain's: boxes that miss the patch, any affine, any order of steps. Nothing outside the
// given memory may be read or written, and all instruction sets must give the same labels and nearly the same image.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"

extern "C" int holter_run(int set, const Layout *, const Sample *, int64_t, const double *);
extern "C" int holter_sets();
extern "C" const char *holter_set(int);
extern "C" int64_t holter_read(const Read *, int64_t, const void *, void *);

static uint64_t state = 1;
static uint64_t next_word() {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return state >> 33;
}
static int64_t below(int64_t bound) { return (int64_t)(next_word() % (uint64_t)bound); }
static double between(double low, double high) { return low + (high - low) * (double)next_word() / 2147483648.0; }
template <typename T> static T *memory(int64_t count) { return (T *)malloc((size_t)(count > 0 ? count : 1) * sizeof(T)); }

struct Result {
    float *image;
    int16_t *seg;
    void *level[2];
};

static int one(int number) {
    state = (uint64_t)number * 77777 + 5;
    Layout layout;
    memset(&layout, 0, sizeof layout);
    const bool flat = below(4) == 0, folds = !flat && below(4) == 0;
    layout.moved_axes = flat || folds ? 2 : 3;
    layout.read_channels = 1 + (int)below(3);
    layout.channels = layout.read_channels + (below(2) ? (int)below(3) : 0);
    layout.seg_channels = 1 + (int)below(2);
    layout.label_bytes = 1 + (int)below(2);
    layout.image_is_linear = below(4) != 0;
    layout.seg_is_linear = below(4) != 0;
    layout.pad = below(3) ? -1 : 0;
    layout.is_fused = (int)below(2);
    Sample sample;
    memset(&sample, 0, sizeof sample);
    const bool moves = below(5) != 0;
    for (int axis = 0; axis < 3; axis++) {
        layout.patch[axis] = axis && below(3) == 0 ? layout.patch[axis - 1] : 1 + below(axis == 2 ? 70 : 24);
        layout.source[axis] = layout.patch[axis] + below(12) - 3;
        if (layout.source[axis] < 1) layout.source[axis] = 1;
        sample.box[axis] = 1 + below(layout.source[axis]);
        sample.lower[axis] = below(layout.source[axis] - sample.box[axis] + 1);
        if (!moves) {  // the central crop: as large as the patch allows
            const int64_t have = layout.source[axis], want = layout.patch[axis];
            sample.box[axis] = have < want ? have : want;
            if (have >= want) sample.lower[axis] = have / 2 - want / 2;
            else sample.lower[axis] = 0;
        }
    }
    if (flat) layout.patch[0] = layout.source[0] = 1;
    if (folds) layout.source[0] = layout.patch[0];
    if (flat || folds) sample.box[0] = layout.patch[0], sample.lower[0] = 0;
    const int64_t box = sample.box[0] * sample.box[1] * sample.box[2];
    const int64_t patch = layout.patch[0] * layout.patch[1] * layout.patch[2];
    float *image = memory<float>(layout.read_channels * box);
    void *seg = memory<char>(layout.seg_channels * box * layout.label_bytes);
    for (int64_t at = 0; at < layout.read_channels * box; at++) image[at] = (float)between(-3, 3);
    const int64_t labels = 1 + below(6);
    for (int64_t at = 0; at < layout.seg_channels * box; at++) {
        const int label = below(3) ? 0 : (int)below(labels) - 1;
        if (layout.label_bytes == 1) ((int8_t *)seg)[at] = (int8_t)label;
        else ((int16_t *)seg)[at] = (int16_t)(label * 300);
    }
    sample.image = image;
    sample.seg = seg;

    double steps[256] = {PLACE, moves ? 1.0 : 0.0};
    const double angle = below(3) ? between(-3.2, 3.2) : 0, scale = below(3) ? between(0.5, 2) : 1;
    const double turned[9] = {below(2) ? scale : 1, 0, 0, 0, cos(angle) * scale, -sin(angle) * scale, 0, sin(angle) * scale, cos(angle) * scale};
    memcpy(steps + 2, turned, sizeof turned);
    if (layout.moved_axes == 3 && below(2)) steps[3] = between(-0.5, 0.5), steps[8] = between(-0.5, 0.5);
    int64_t count = 11;
    int have = layout.read_channels, segs = layout.seg_channels;  // channels after the steps so far
    const bool keeps = below(2) != 0, is_axial = below(2) != 0;
    const int64_t more = below(8);
    for (int64_t step = 0; step < more; step++) {
        const double channel = (double)below(have);
        double *to = steps + count;
        to[0] = (double)(MULTIPLY + below(COMPONENT));
        const int kind = (int)to[0];
        if (kind == ONE_HOT && have == layout.channels) to[0] = MULTIPLY;
        if (kind == DROP && (keeps || segs == 1)) to[0] = MULTIPLY;
        // Grown and removed are only channels that hold labels, where no rounding decides.
        if ((kind == OPERATE || kind == COMPONENT) && have == layout.read_channels) to[0] = MULTIPLY;
        const int64_t stage = have > layout.read_channels ? layout.read_channels + below(have - layout.read_channels) : 0;
        switch ((int)to[0]) {
        case MULTIPLY: to[1] = channel, to[2] = between(0.5, 1.5); break;
        case ADD: to[1] = channel, to[2] = between(-1, 1); break;
        case CONTRAST: to[1] = channel, to[2] = between(0.5, 1.5), to[3] = (double)below(2); break;
        case GAMMA: to[1] = channel, to[2] = between(0.5, 1.5), to[3] = (double)below(2), to[4] = (double)below(2); break;
        case NOISE: to[1] = channel, to[2] = 0.1, to[3] = (double)next_word(), to[4] = 7, to[5] = (double)below(2); break;
        case BLUR: to[1] = channel, to[2] = between(0.3, 9), to[3] = between(0.3, 2), to[4] = between(0.3, 2); break;
        case COARSEN: to[1] = channel, to[2] = between(0.1, 1.2), to[3] = between(0.1, 1), to[4] = between(0.5, 1); break;
        case MEDIAN: to[1] = channel, to[2] = (double)(1 + below(4)), to[3] = (double)(1 + below(6)), to[4] = (double)(1 + below(17)); break;
        case MIRROR: to[1] = (double)below(2), to[2] = (double)below(2), to[3] = (double)below(2); break;
        case MASK: to[1] = channel, to[2] = (double)below(segs), to[3] = 0; break;
        case REPLACE: to[1] = -1, to[2] = 0, to[3] = below(2) ? -1 : (double)below(segs); break;
        case SHARPEN: to[1] = channel, to[2] = between(0.1, 1), to[3] = (double)below(2); break;
        case RECTANGLE:
            to[1] = channel, to[8] = (double)below(2), to[9] = between(-1, 1);
            for (int axis = 0; axis < 3; axis++) to[2 + axis] = (double)below(30) - 4, to[5 + axis] = (double)below(20);
            break;
        case GRADIENT:
        case LOCAL_GAMMA:
            to[1] = channel, to[8] = between(0.5, 3);
            for (int axis = 0; axis < 3; axis++) {
                to[2 + axis] = between(-0.5, 1.5) * (double)layout.patch[axis];
                to[5 + axis] = is_axial && axis == 0 ? 0 : between(0.2, 1) * (double)layout.patch[axis];
            }
            break;
        case REORDER: {
            int order[3] = {0, 1, 2};
            const int first = (int)below(3), second = (int)below(3);
            if (layout.patch[first] == layout.patch[second]) order[first] = second, order[second] = first;
            for (int axis = 0; axis < 3; axis++) to[1 + axis] = order[axis], to[4 + axis] = (double)below(2);
            break;
        }
        case ONE_HOT: to[1] = (double)below(segs), to[2] = (double)below(labels) - 1, have++; break;
        case DROP: to[1] = (double)below(segs--); break;
        case OPERATE:
            to[1] = (double)stage, to[2] = (double)below(4), to[3] = between(0, 9), to[4] = layout.patch[0] == 1 ? 2 : 3;
            to[5] = layout.read_channels, to[6] = have - layout.read_channels;
            break;
        case COMPONENT:
            to[1] = (double)stage, to[2] = between(0, 1), to[3] = below(2) ? -1 : (double)(have - 1), to[4] = between(0, 1);
            break;
        }
        count += LENGTH_OF[(int)to[0]];
    }
    for (; have < layout.channels; have++, count += LENGTH_OF[ONE_HOT]) {
        steps[count] = ONE_HOT;
        steps[count + 1] = (double)below(segs);
        steps[count + 2] = 1;
    }
    sample.count = count;

    uint8_t table[3 * 4] = {0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1};
    int32_t *from[3] = {nullptr, nullptr, nullptr};
    layout.levels = below(3);
    if (below(3) == 0) {
        layout.regions = 3;
        layout.region_table = table;
        layout.table_first = -1;
        layout.table_labels = 4;
        layout.region_channel = below(segs);
        if (!layout.levels) layout.levels = 1;
    }
    for (int axis = 0; axis < 3; axis++) {
        const int64_t size = 1 + below(layout.patch[axis]);
        from[axis] = memory<int32_t>(size);
        for (int64_t at = 0; at < size; at++) from[axis][at] = (int32_t)below(layout.patch[axis]);
        layout.level[1].size[axis] = size;
        layout.level[1].from[axis] = from[axis];
        layout.level[0].size[axis] = layout.patch[axis];
    }
    const int64_t channels = layout.regions ? layout.regions : segs, bytes = layout.regions ? 1 : 2;
    const int sets = holter_sets();
    Result results[3];
    memset(results, 0, sizeof results);
    int failures = 0, first = -1;
    for (int set = 0; set < sets; set++) {
        if (!holter_set(set)) continue;
        Result &result = results[set];
        layout.image = result.image = memory<float>(layout.channels * patch);
        result.seg = keeps ? memory<int16_t>(layout.seg_channels * patch) : nullptr;
        layout.seg = result.seg;
        for (int64_t level = 0; level < layout.levels; level++) {
            const int64_t *size = layout.level[level].size;
            layout.level[level].out = result.level[level] = memory<char>(channels * size[0] * size[1] * size[2] * bytes);
        }
        if (holter_run(set, &layout, &sample, 1, steps)) failures++;
        if (first < 0) first = set;
        const Result &other = results[first];
        if (keeps && memcmp(result.seg, other.seg, (size_t)(layout.seg_channels * patch) * 2)) failures++;
        for (int64_t level = 0; level < layout.levels; level++) {
            const int64_t *size = layout.level[level].size;
            if (memcmp(result.level[level], other.level[level], (size_t)(channels * size[0] * size[1] * size[2] * bytes))) failures++;
        }
        for (int64_t at = 0; at < layout.channels * patch; at++) {
            const float apart = fabsf(result.image[at] - other.image[at]);
            if (!(apart <= 1e-3f * (1 + fabsf(other.image[at])))) {
                failures++;
                break;
            }
        }
    }
    for (int set = 0; set < sets; set++) {
        free(results[set].image);
        free(results[set].seg);
        for (int level = 0; level < 2; level++) free(results[set].level[level]);
    }
    for (int axis = 0; axis < 3; axis++) free(from[axis]);
    free(image);
    free(seg);
    if (failures) printf("case %d: %d failures\n", number, failures);
    return failures;
}

// An array as c-blosc2 would have it, and its functions. Of a slice: rows into the dense memory around.
struct Stored {
    int64_t axes, shape[4], bytes;
    const char *voxels;
    int64_t chunk[4], block[4];
};
static int get_slice(const void *given, const int64_t *start, const int64_t *stop, void *out, const int64_t *around, int64_t) {
    const Stored &stored = *(const Stored *)given;
    const int64_t skipped = 4 - stored.axes;
    int64_t from[4] = {0, 0, 0, 0}, part[4] = {1, 1, 1, 1}, size[4] = {1, 1, 1, 1};
    for (int64_t axis = skipped; axis < 4; axis++) {
        from[axis] = start[axis - skipped];
        part[axis] = stop[axis - skipped] - from[axis];
        size[axis] = around[axis - skipped];
    }
    const int64_t *have = stored.shape;
    for (int64_t c = 0; c < part[0]; c++)
        for (int64_t i = 0; i < part[1]; i++)
            for (int64_t j = 0; j < part[2]; j++)
                memcpy((char *)out + ((c * size[1] + i) * size[2] + j) * size[3] * stored.bytes,
                       stored.voxels + ((((from[0] + c) * have[1] + from[1] + i) * have[2] + from[2] + j) * have[3] + from[3]) * stored.bytes,
                       (size_t)(part[3] * stored.bytes));
    return 0;
}

// A chunk of which only its number is known; what is given must be freed.
static int lazy_chunk(void *, int64_t number, uint8_t **chunk, bool *is_theirs) {
    *chunk = (uint8_t *)memory<int64_t>(1);
    memcpy(*chunk, &number, sizeof number);
    *is_theirs = true;
    return sizeof number;
}

// One whole block of a chunk; beyond the array and the chunk it holds what must not be seen.
static int get_voxels(void *given, const void *chunk, int32_t, int first, int count, void *out, int32_t bytes) {
    const Stored &stored = *(const Stored *)given;
    const int64_t *block = stored.block;
    int64_t chunk_number, number = first / count, at[4];
    memcpy(&chunk_number, chunk, sizeof chunk_number);
    if (first % count || count != block[0] * block[1] * block[2] * block[3] || bytes != count * stored.bytes) return -1;
    for (int axis = 3; axis >= 0; axis--) {
        const int64_t chunks = (stored.shape[axis] + stored.chunk[axis] - 1) / stored.chunk[axis];
        const int64_t blocks = (stored.chunk[axis] + block[axis] - 1) / block[axis];
        at[axis] = chunk_number % chunks * stored.chunk[axis] + number % blocks * block[axis];
        chunk_number /= chunks;
        number /= blocks;
    }
    if (chunk_number || number) return -1;
    memset(out, 77, (size_t)bytes);
    for (int64_t voxel = 0; voxel < count; voxel++) {
        int64_t rest = voxel, there = 0, before = 1;
        bool inside = true;
        for (int axis = 3; axis >= 0; axis--) {
            const int64_t here = at[axis] + rest % block[axis];
            rest /= block[axis];
            inside = inside && here < stored.shape[axis] && here / stored.chunk[axis] == at[axis] / stored.chunk[axis];
            there += here * before;
            before *= stored.shape[axis];
        }
        if (inside) memcpy((char *)out + voxel * stored.bytes, stored.voxels + there * stored.bytes, (size_t)stored.bytes);
    }
    return bytes;
}

// Boxes inside, over and outside of an array, in memory or behind c-blosc2's functions, of all types.
static int one_read(int number) {
    state = (uint64_t)number * 991 + 3;
    const int64_t pairs[7][2] = {{FLOAT32, FLOAT32}, {INT8, INT8}, {INT8, INT16}, {UINT8, INT8}, {UINT8, INT16}, {INT16, INT8}, {INT16, INT16}};
    const int64_t bytes[TYPES] = {4, 1, 1, 2};
    const int64_t *pair = pairs[below(7)];
    Read read;
    memset(&read, 0, sizeof read);
    read.from = pair[0], read.to = pair[1], read.axes = 3 + below(2), read.outside = -below(2);
    read.shape[0] = read.size[0] = read.stop[0] = read.axes == 3 ? 1 : 1 + below(3);
    int64_t lower[4] = {0, 0, 0, 0};
    for (int axis = 1; axis < 4; axis++) {
        const int64_t have = read.shape[axis] = 1 + below(12), size = read.size[axis] = 1 + below(14);
        lower[axis] = below(have + 8) - 6;
        const int64_t upper = lower[axis] + size;
        read.start[axis] = lower[axis] < 0 ? 0 : lower[axis] > have ? have : lower[axis];
        read.stop[axis] = upper > have ? have : upper < 0 ? 0 : upper;
        read.at[axis] = read.start[axis] - lower[axis];
    }
    const int64_t *have = read.shape, *size = read.size;
    const int64_t voxels = have[0] * have[1] * have[2] * have[3], wanted = size[0] * size[1] * size[2] * size[3];
    char *array = memory<char>(voxels * bytes[read.from]);
    for (int64_t at = 0; at < voxels; at++) {
        const int64_t value = below(100);
        if (read.from == FLOAT32) ((float *)array)[at] = (float)value;
        else if (read.from == INT16) ((int16_t *)array)[at] = (int16_t)value;
        else array[at] = (char)value;
    }
    Stored stored = {read.axes, {have[0], have[1], have[2], have[3]}, bytes[read.from], array, {1, 1, 1, 1}, {1, 1, 1, 1}};
    const int64_t way = below(3);
    if (way) read.handle = &stored;
    else read.array = array;
    for (int axis = 4 - (int)read.axes; axis < 4; axis++) {
        stored.chunk[axis] = way == 1 && below(2) ? size[axis] : 1 + below(9);
        stored.block[axis] = 1 + below(stored.chunk[axis]);
    }
    memcpy(read.chunk, stored.chunk, sizeof stored.chunk);
    memcpy(read.block, stored.block, sizeof stored.block);
    if (way == 2) read.chunks = read.context = &stored;
    read.out = memory<char>(wanted * bytes[read.to]);
    int64_t progress[2];
    const void *functions[3] = {(const void *)get_slice, (const void *)lazy_chunk, (const void *)get_voxels};
    int failures = holter_read(&read, 1, functions, progress) != 1;
    for (int64_t at = 0; at < wanted; at++) {
        const int64_t k = at % size[3] + lower[3], j = at / size[3] % size[2] + lower[2];
        const int64_t i = at / size[3] / size[2] % size[1] + lower[1], c = at / size[3] / size[2] / size[1];
        const bool inside = i >= 0 && i < have[1] && j >= 0 && j < have[2] && k >= 0 && k < have[3];
        const int64_t there = ((c * have[1] + i) * have[2] + j) * have[3] + k;
        double value = (double)read.outside, found;
        if (inside) value = read.from == FLOAT32 ? (double)((float *)array)[there] : read.from == INT16 ? ((int16_t *)array)[there] : array[there];
        found = read.to == FLOAT32 ? (double)((float *)read.out)[at] : read.to == INT16 ? ((int16_t *)read.out)[at] : ((int8_t *)read.out)[at];
        failures += value != found;
    }
    free(array);
    free(read.out);
    if (failures) printf("read %d: %d failures\n", number, failures);
    return failures;
}

int main(int, char **words) {
    int failures = 0;
    const int begin = atoi(words[1]), end = atoi(words[2]);
    for (int number = begin; number < end; number++) failures += one(number) + one_read(number) != 0;
    printf("%d of %d cases failed\n", failures, end - begin);
    return failures != 0;
}
