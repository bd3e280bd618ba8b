// Vectors of W floats or integers: 16 with AVX-512, 8 with AVX2, 4 elsewhere (SSE2, NEON).
//
// The types are the compiler's own (GCC and Clang), so + - * / < and ?: work on them. Only what differs between
// processors is written out here. All is in an unnamed namespace: each instruction set has its own copy, and the linker
// can never give AVX-512 code to an older processor.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include <immintrin.h>
#define HOLTER_WIDTH 16
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define HOLTER_WIDTH 8
#else
#define HOLTER_WIDTH 4
#if defined(__ARM_NEON) || defined(__aarch64__)
#include <arm_neon.h>
#endif
#endif

namespace {

enum { W = HOLTER_WIDTH };
typedef float f32 __attribute__((vector_size(4 * HOLTER_WIDTH)));
typedef int32_t i32 __attribute__((vector_size(4 * HOLTER_WIDTH)));
typedef uint32_t u32 __attribute__((vector_size(4 * HOLTER_WIDTH)));

template <typename T> inline T least(T a, T b) { return a < b ? a : b; }
template <typename T> inline T most(T a, T b) { return a > b ? a : b; }

inline f32 all(float value) { return f32{} + value; }
inline i32 all(int32_t value) { return i32{} + value; }

inline f32 load(const float *from) {
    f32 value;
    memcpy(&value, from, sizeof value);
    return value;
}
inline void store(float *to, f32 value) { memcpy(to, &value, sizeof value); }
inline void store(int32_t *to, i32 value) { memcpy(to, &value, sizeof value); }
inline i32 load(const int32_t *from) {
    i32 value;
    memcpy(&value, from, sizeof value);
    return value;
}
// The first ``count`` of W numbers; the others are 0, or not written.
inline f32 load_some(const float *from, int64_t count) {
    f32 value = {};
    memcpy(&value, from, (size_t)count * sizeof(float));
    return value;
}
inline void store_some(float *to, f32 value, int64_t count) { memcpy(to, &value, (size_t)count * sizeof(float)); }

inline i32 bits(f32 value) {
    i32 same;
    memcpy(&same, &value, sizeof same);
    return same;
}
inline f32 from_bits(i32 value) {
    f32 same;
    memcpy(&same, &value, sizeof same);
    return same;
}

inline i32 lanes() {
    i32 value;
    for (int lane = 0; lane < W; lane++) value[lane] = lane;
    return value;
}
inline i32 to_int(f32 value) { return __builtin_convertvector(value, i32); }  // towards 0
inline f32 to_float(i32 value) { return __builtin_convertvector(value, f32); }

// --- what differs between processors -------------------------------------------------------------------------------
//
// bits_where: bit l is set if lane l is all bits set, and not if it is 0.

#if HOLTER_WIDTH == 16

inline f32 fma(f32 a, f32 b, f32 c) { return (f32)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
inline f32 root(f32 a) { return (f32)_mm512_sqrt_ps((__m512)a); }
inline f32 floor_of(f32 a) { return (f32)_mm512_roundscale_ps((__m512)a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
inline f32 nearest_even(f32 a) {
    return (f32)_mm512_roundscale_ps((__m512)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline uint32_t bits_where(i32 truth) { return _mm512_movepi32_mask((__m512i)truth); }
inline f32 gather(const float *from, i32 index) { return (f32)_mm512_i32gather_ps((__m512i)index, from, 4); }
// Where ``truth`` is all bits set; elsewhere 0, and nothing is read.
inline f32 gather_where(i32 truth, const float *from, i32 index) {
    return (f32)_mm512_mask_i32gather_ps(
        _mm512_setzero_ps(), _mm512_movepi32_mask((__m512i)truth), (__m512i)index, from, 4);
}
// Four bytes at each offset, which need not be a multiple of four.
inline i32 gather_bytes(const void *from, i32 offset) { return (i32)_mm512_i32gather_epi32((__m512i)offset, from, 1); }
// The numbers at ``index`` and at ``index`` + 1, which lie beside each other: one read for both.
inline void gather_pairs(const float *from, i32 index, f32 &first, f32 &second) {
    const __m512i where = (__m512i)index;
    const __m512 low = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_castsi512_si256(where), from, 4));
    const __m512 high = _mm512_castpd_ps(_mm512_i32gather_pd(_mm512_extracti64x4_epi64(where, 1), from, 4));
    const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    first = (f32)_mm512_permutex2var_ps(low, even, high);
    second = (f32)_mm512_permutex2var_ps(low, _mm512_add_epi32(even, _mm512_set1_epi32(1)), high);
}

#elif HOLTER_WIDTH == 8

inline f32 fma(f32 a, f32 b, f32 c) { return (f32)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
inline f32 root(f32 a) { return (f32)_mm256_sqrt_ps((__m256)a); }
inline f32 floor_of(f32 a) { return (f32)_mm256_floor_ps((__m256)a); }
inline f32 nearest_even(f32 a) {
    return (f32)_mm256_round_ps((__m256)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline uint32_t bits_where(i32 truth) { return (uint32_t)_mm256_movemask_ps((__m256)truth); }
inline f32 gather(const float *from, i32 index) { return (f32)_mm256_i32gather_ps(from, (__m256i)index, 4); }
inline f32 gather_where(i32 truth, const float *from, i32 index) {
    return (f32)_mm256_mask_i32gather_ps(_mm256_setzero_ps(), from, (__m256i)index, (__m256)truth, 4);
}
inline i32 gather_bytes(const void *from, i32 offset) {
    return (i32)_mm256_i32gather_epi32((const int *)from, (__m256i)offset, 1);
}
inline void gather_pairs(const float *from, i32 index, f32 &first, f32 &second) {
    const __m256i where = (__m256i)index;
    const double *pairs = (const double *)from;
    const __m256 low = _mm256_castpd_ps(_mm256_i32gather_pd(pairs, _mm256_castsi256_si128(where), 4));
    const __m256 high = _mm256_castpd_ps(_mm256_i32gather_pd(pairs, _mm256_extracti128_si256(where, 1), 4));
    const __m256d even = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0x88));
    const __m256d odd = _mm256_castps_pd(_mm256_shuffle_ps(low, high, 0xDD));
    first = (f32)_mm256_castpd_ps(_mm256_permute4x64_pd(even, 0xD8));
    second = (f32)_mm256_castpd_ps(_mm256_permute4x64_pd(odd, 0xD8));
}

#else

inline f32 fma(f32 a, f32 b, f32 c) {
#if defined(__ARM_NEON) || defined(__aarch64__)
    return (f32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    for (int lane = 0; lane < W; lane++) c[lane] = fmaf(a[lane], b[lane], c[lane]);
    return c;
#endif
}
inline f32 root(f32 a) {
    for (int lane = 0; lane < W; lane++) a[lane] = sqrtf(a[lane]);
    return a;
}
inline f32 floor_of(f32 a) {
    for (int lane = 0; lane < W; lane++) a[lane] = floorf(a[lane]);
    return a;
}
inline f32 nearest_even(f32 a) {
    for (int lane = 0; lane < W; lane++) a[lane] = nearbyintf(a[lane]);
    return a;
}
inline uint32_t bits_where(i32 truth) {
    uint32_t found = 0;
    for (int lane = 0; lane < W; lane++) found |= (uint32_t)(truth[lane] & 1) << lane;
    return found;
}
inline f32 gather(const float *from, i32 index) {
    f32 value;
    for (int lane = 0; lane < W; lane++) value[lane] = from[index[lane]];
    return value;
}
inline f32 gather_where(i32 truth, const float *from, i32 index) {
    f32 value;
    for (int lane = 0; lane < W; lane++) value[lane] = truth[lane] ? from[index[lane]] : 0.0f;
    return value;
}
inline i32 gather_bytes(const void *from, i32 offset) {
    i32 value;
    for (int lane = 0; lane < W; lane++) {
        int32_t word;
        memcpy(&word, (const char *)from + offset[lane], sizeof word);
        value[lane] = word;
    }
    return value;
}
inline void gather_pairs(const float *from, i32 index, f32 &first, f32 &second) {
    for (int lane = 0; lane < W; lane++) {
        first[lane] = from[index[lane]];
        second[lane] = from[index[lane] + 1];
    }
}

#endif

// Of lanes that are all bits set or 0.
inline bool every(i32 truth) { return bits_where(truth) == (1u << W) - 1; }

// a * b + c where the last digit does not matter: with one rounding if the processor can.
inline f32 add_product(f32 a, f32 b, f32 c) {
#if HOLTER_WIDTH == 4 && defined(__x86_64__)
    return a * b + c;
#else
    return fma(a, b, c);
#endif
}

inline float sum_of(f32 value) {
    float total = 0;
    for (int lane = 0; lane < W; lane++) total += value[lane];
    return total;
}
inline float least_of(f32 value) {
    float found = value[0];
    for (int lane = 1; lane < W; lane++) found = least(found, value[lane]);
    return found;
}
inline float most_of(f32 value) {
    float found = value[0];
    for (int lane = 1; lane < W; lane++) found = most(found, value[lane]);
    return found;
}

}  // namespace
