// Changes of one channel: brightness, contrast, gamma, noise, blur and low resolution.
#pragma once
#include "api.h"
#include "simd.h"

namespace {

const int64_t BLOCK = 4096;  // numbers that are summed in float32 before the sum goes on in float64

struct Statistics {
    double mean, deviation;
    float low, high;
};

// Near the mean: sums of differences from it lose nothing, however far the channel lies from 0.
inline float guess_of_mean(const float *x, int64_t count) {
    const int64_t stride = most((int64_t)1, count / 64);
    double total = 0;
    int64_t seen = 0;
    for (int64_t at = stride / 2; at < count; at += stride, seen++) total += x[at];
    return seen ? (float)(total / seen) : x[0];
}

inline double deviation_of(double sum, double squares, int64_t count) {
    const double variance = (squares - sum * (sum / count)) / most((int64_t)1, count - 1);
    return variance > 0 ? sqrt(variance) : 0;
}

inline Statistics statistics(const float *x, int64_t count) {
    const float guess = guess_of_mean(x, count);
    double sum = 0, squares = 0;
    f32 low = all(x[0]), high = low;
    for (int64_t start = 0; start < count; start += BLOCK) {
        const int64_t end = least(count, start + BLOCK);
        f32 total = {}, square = {};
        for (int64_t at = start; at < end; at += W) {
            const int64_t rest = end - at;
            f32 value = rest >= W ? load(x + at) : all(guess);
            if (rest < W) memcpy(&value, x + at, (size_t)rest * sizeof(float));
            const f32 apart = value - guess;
            total += apart;
            square = add_product(apart, apart, square);
            if (rest < W)
                for (int64_t lane = rest; lane < W; lane++) value[lane] = x[at];
            low = value < low ? value : low;
            high = value > high ? value : high;
        }
        sum += sum_of(total);
        squares += sum_of(square);
    }
    return {guess + sum / count, deviation_of(sum, squares, count), least_of(low), most_of(high)};
}

template <typename Change> inline void change_all(float *x, int64_t count, Change change) {
    int64_t at = 0;
    for (; at + W <= count; at += W) store(x + at, change(load(x + at)));
    if (at < count) store_some(x + at, change(load_some(x + at, count - at)), count - at);
}

inline void multiply(float *x, int64_t count, float factor) {
    change_all(x, count, [&](f32 value) { return value * factor; });
}

inline void add(float *x, int64_t count, float number) {
    change_all(x, count, [&](f32 value) { return value + number; });
}

inline void stretch_contrast(float *x, int64_t count, float factor, bool keeps_range) {
    const Statistics about = statistics(x, count);
    const f32 mean = all((float)about.mean), low = all(about.low), high = all(about.high);
    if (!keeps_range) {
        change_all(x, count, [&](f32 value) { return (value - mean) * factor + mean; });
        return;
    }
    change_all(x, count, [&](f32 value) {
        const f32 wide = (value - mean) * factor + mean;
        const f32 above = wide < low ? low : wide;
        return above > high ? high : above;
    });
}

// --- logarithm and power -----------------------------------------------------------------------------------------------

// A positive number as mantissa (0.75 to 1.5) times a power of two.
inline f32 split(f32 value, f32 &exponent) {
    const i32 word = bits(value), shift = (word - 0x3F400000) >> 23;
    exponent = to_float(shift);
    return from_bits(word - (shift << 23));
}

// Of a positive number; each operation is rounded on its own, so that every processor and noise.py get the same bits.
inline f32 log2_of(f32 value) {
    f32 exponent;
    const f32 mantissa = split(value, exponent);
    const f32 y = (mantissa - 1.0f) / (mantissa + 1.0f), square = y * y;
    f32 series = square * 0.32059890f + 0.41219859f;  // 2 / ln 2 / (9, 7, 5, 3, 1)
    series = series * square + 0.57707802f;
    series = series * square + 0.96179669f;
    series = series * square + 2.88539008f;
    return series * y + exponent;
}

inline f32 power_of_two(f32 value) {
    value = value < -126.0f ? all(-126.0f) : value > 126.0f ? all(126.0f) : value;
    const f32 whole = nearest_even(value), rest = value - whole;
    f32 series = add_product(rest, all(1.5403530e-4f), all(1.3333558e-3f));  // powers of ln 2 by factorials
    series = add_product(series, rest, all(9.6181291e-3f));
    series = add_product(series, rest, all(5.5504109e-2f));
    series = add_product(series, rest, all(2.4022651e-1f));
    series = add_product(series, rest, all(6.9314718e-1f));
    series = add_product(series, rest, all(1.0f));
    return from_bits(bits(series) + (to_int(whole) << 23));
}

// gamma.py: the channel is brought to 0 ... 1, raised, and brought back with its old mean and deviation, or its range.
inline void raise_to(float *x, int64_t count, float exponent, bool inverted, bool keeps) {
    const float epsilon = 1e-7f;
    const Statistics about = statistics(x, count);
    const float spread = about.high - about.low, sign = inverted ? -1.0f : 1.0f;
    const float origin = inverted ? about.high : about.low, scale = sign / most(spread, epsilon);
    const auto raised = [&](f32 value) {
        const f32 share = (value - origin) * scale;
        const f32 positive = share < 1e-30f ? all(1e-30f) : share;
        const f32 result = power_of_two(log2_of(positive) * exponent);
        return share > 0.0f ? result : exponent == 0 ? all(1.0f) : all(0.0f);
    };
    if (!keeps) {
        const float back = spread * sign;
        change_all(x, count, [&](f32 value) { return raised(value) * back + origin; });
        return;
    }
    const float guess = raised(all((float)about.mean))[0];
    double sum = 0, squares = 0;
    for (int64_t start = 0; start < count; start += BLOCK) {
        const int64_t end = least(count, start + BLOCK);
        f32 total = {}, square = {};
        for (int64_t at = start; at < end; at += W) {
            const int64_t rest = end - at;
            const f32 result = raised(rest >= W ? load(x + at) : load_some(x + at, rest));
            f32 apart = result - guess;
            if (rest >= W) {
                store(x + at, result);
            } else {
                store_some(x + at, result, rest);
                for (int64_t lane = rest; lane < W; lane++) apart[lane] = 0;
            }
            total += apart;
            square = add_product(apart, apart, square);
        }
        sum += sum_of(total);
        squares += sum_of(square);
    }
    const double deviation = deviation_of(sum, squares, count), mean = guess + sum / count;
    const double wide = deviation * spread;
    const double factor = sign * about.deviation * spread / (wide > epsilon ? wide : epsilon);
    const f32 times = all((float)factor), plus = all((float)(about.mean - mean * factor));
    change_all(x, count, [&](f32 value) { return add_product(value, times, plus); });
}

// --- noise -------------------------------------------------------------------------------------------------------------

// Threefry 2x32 with 13 rounds (Salmon et al. 2011): two random words from a key and a counter, without a state.
inline void threefry(u32 &first, u32 &second, uint32_t key0, uint32_t key1) {
    const uint32_t keys[3] = {key0, key1, 0x1BD11BDAu ^ key0 ^ key1};
    const uint32_t turns[8] = {13, 15, 26, 6, 17, 29, 16, 24};
    first += keys[0];
    second += keys[1];
    for (uint32_t round = 0; round < 13; round++) {
        first += second;
        second = (second << turns[round % 8]) | (second >> (32 - turns[round % 8]));
        second ^= first;
        if (round % 4 == 3) {
            const uint32_t block = round / 4 + 1;
            first += keys[block % 3];
            second += keys[(block + 1) % 3] + block;
        }
    }
}

inline f32 sine_of_turn(f32 half_turns) {  // of pi times a number from -0.5 to 0.5
    const f32 square = half_turns * half_turns;
    f32 series = square * 0.0777f + -0.59926450f;
    series = series * square + 2.55016403f;
    series = series * square + -5.16771278f;
    series = series * square + 3.14159265f;
    return series * half_turns;
}

// Standard normal numbers of one row: field() of noise.py. Lane l of block b has the counter (16 b + l, row) and gives
// numbers 32 b + l and 32 b + 16 + l. Shapes: out, a multiple of 32 numbers.
inline void normal_row(float *out, int64_t length, uint32_t row, uint32_t key0, uint32_t key1) {
    for (int64_t block = 0; block * 32 < length; block++) {
        for (int lane = 0; lane < 16; lane += W) {
            u32 first = (u32)(lanes() + (int32_t)(16 * block + lane)), second = u32{} + row;
            threefry(first, second, key0, key1);
            const f32 uniform = to_float((i32)(first >> 8)) * 5.9604644775390625e-8f + 2.98023223876953125e-8f;
            const f32 turn = to_float((i32)second >> 8) * 1.1920928955078125e-7f;  // -1 to 1
            const f32 radius = root(log2_of(uniform) * -1.38629436f);
            const f32 size = from_bits(bits(turn) & 0x7FFFFFFF);
            const f32 cosine = sine_of_turn(0.5f - size);
            const f32 sine = sine_of_turn(size > 0.5f ? 1.0f - size : size);
            const f32 signed_sine = from_bits(bits(sine) | (bits(turn) & (int32_t)0x80000000));
            store(out + 32 * block + lane, radius * cosine);
            store(out + 32 * block + 16 + lane, radius * signed_sine);
        }
    }
}

// ``number``: which of the drawn channels this is.
inline bool add_noise(float *x, const int64_t size[3], const bool flip[3], float sigma, uint32_t key0, uint32_t key1,
                      int64_t number, Scratch *scratch) {
    const int64_t length = size[2];
    float *normal = (float *)scratch_of(scratch, NOISE_ROW, (size_t)(length + 64) * sizeof(float));
    if (!normal) return false;
    for (int64_t i = 0; i < size[0]; i++) {
        for (int64_t j = 0; j < size[1]; j++) {
            normal_row(normal, length, (uint32_t)((number * size[0] + i) * size[1] + j), key0, key1);
            const int64_t to_i = flip[0] ? size[0] - 1 - i : i, to_j = flip[1] ? size[1] - 1 - j : j;
            float *row = x + (to_i * size[1] + to_j) * length;
            if (flip[2]) for (int64_t k = 0, last = length - 1; k < last; k++, last--) {
                const float held = normal[k];
                normal[k] = normal[last];
                normal[last] = held;
            }
            for (int64_t k = 0; k < length; k += W) {  // with one rounding, as torch adds
                const int64_t rest = length - k;
                if (rest >= W) store(row + k, add_product(load(normal + k), all(sigma), load(row + k)));
                else store_some(row + k, add_product(load(normal + k), all(sigma), load_some(row + k, rest)), rest);
            }
        }
    }
    return true;
}

}  // namespace
