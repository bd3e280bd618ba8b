// What Python hands over, and the scratch memory of a thread. program.py has the same structures.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { MOST_LEVELS = 8, SCRATCHES = 16 };

// One resolution of the target. Shapes: out (batch, channels, *size), int16, or one byte per voxel for regions.
struct Level {
    void *out;
    int64_t size[3];
    const int32_t *from[3];  // for each axis: which voxel of the full resolution each voxel shows; null: all of them
};

// What is the same for all samples of a batch. In 2D the first axis has one voxel.
struct Layout {
    int32_t moved_axes;  // 3; or 2: each slice of the first axis is moved alone (2D, dummy 2D)
    int32_t channels;      // of the batch
    int32_t seg_channels;  // that are read; those of the target may be fewer
    int32_t label_bytes;  // of a label that was read: 1 or 2
    int32_t image_is_linear, seg_is_linear;
    int32_t pad;       // the label outside the source
    int32_t is_fused;  // positions are sums of products that are rounded once, not twice: rounding.py
    int32_t regions;   // channels of the target that are made of labels; 0: the labels are the target
    int32_t cuts;      // labels at the border and in ties as stock up to 0.3.5: vote.py
    int32_t read_channels;  // of the image that is read; the others are made of labels
    int64_t source[3], patch[3];
    float *image;   // (batch, channels, *patch)
    int16_t *seg;   // (batch, seg_channels, *patch); null: not wanted at full resolution
    const uint8_t *region_table;  // (regions, table_labels): whether a label belongs to a region
    int64_t table_first, table_labels, region_channel;
    int64_t levels;
    Level level[MOST_LEVELS];
};

// One sample. Shapes: image (channels, *box) float32, seg (seg_channels, *box). Without an image the batch's own memory
// at this slot is changed in place.
struct Sample {
    const float *image;
    const void *seg;
    int64_t box[3], lower[3];  // size and first voxel of the part of the source that was read
    int64_t slot;
    int64_t first, count;  // its steps: numbers of the list ``steps``
};

// A step is its kind and some numbers; encode.py says which.
enum Kind {
    PLACE, MULTIPLY, CONTRAST, GAMMA, NOISE, BLUR, COARSEN, MIRROR, MASK, REPLACE, MEDIAN,
    ADD, SHARPEN, RECTANGLE, GRADIENT, LOCAL_GAMMA, REORDER, ONE_HOT, DROP, OPERATE, COMPONENT
};
const int LENGTH_OF[] = {11, 3, 4, 5, 6, 5, 5, 4, 4, 4, 5, 3, 4, 10, 9, 9, 7, 3, 2, 7, 5};

// One box of one array: loader/read/together.py has the same numbers. Four axes; an array with three has a first one of 1.
enum Type { FLOAT32, INT8, UINT8, INT16, TYPES };
struct Read {
    const char *path;                   // null: not a file, so it cannot change
    int64_t bytes, modified_ns, inode;  // of the file when its header was read
    const void *handle;                 // c-blosc2's array; null: ``array`` has the voxels
    void *chunks, *context;             // of c-blosc2, to read single blocks; null: only the array can be read
    const char *array;
    int64_t axes, from, shape[4];                // of the array; its Type
    int64_t chunk[4], block[4];                  // voxels of the pieces of a file; 0: none
    int64_t start[4], stop[4];                   // the part that is inside the array
    char *out;
    int64_t to, size[4], at[4];  // Type and size of ``out``; where the part begins in it
    int64_t outside;             // the value of all other voxels
};

// Memory of one thread; each entry only grows.
struct Scratch {
    void *memory[SCRATCHES];
    size_t bytes[SCRATCHES];
    int failed;
};
void *scratch_of(Scratch *scratch, int number, size_t bytes);  // null, and ``failed`` set, if there is no memory
enum Use { PADDED, DECIDED, ROWS, OPEN, PLANES, PLANE, TABLES, COARSE, COARSE_PLANE, FULL_SEG, NOISE_ROW, REGION, READ_PART, BALL, BITS, PIECES };

typedef int (*Run)(const Layout *, const Sample *, int64_t, const double *, Scratch *);
int run_avx512(const Layout *, const Sample *, int64_t, const double *, Scratch *);
int run_avx2(const Layout *, const Sample *, int64_t, const double *, Scratch *);
int run_portable(const Layout *, const Sample *, int64_t, const double *, Scratch *);
