// The functions that Python calls: the best instruction set of this processor, and the scratch memory of each thread.
#include <pthread.h>
#include <stdlib.h>

#include "api.h"
#include "reads.h"

namespace {

pthread_key_t scratch_key;
pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
bool has_key = false;

void free_scratch(void *given) {
    Scratch *scratch = (Scratch *)given;
    for (int number = 0; number < SCRATCHES; number++) free(scratch->memory[number]);
    free(scratch);
}

void make_key() { has_key = pthread_key_create(&scratch_key, free_scratch) == 0; }

Scratch *scratch_of_thread() {
    pthread_once(&scratch_once, make_key);
    if (!has_key) return nullptr;
    Scratch *scratch = (Scratch *)pthread_getspecific(scratch_key);
    if (!scratch) {
        scratch = (Scratch *)calloc(1, sizeof(Scratch));
        if (scratch) pthread_setspecific(scratch_key, scratch);
    }
    return scratch;
}

struct Set {
    const char *name;
    Run run;
    bool is_there;
};

int sets(Set found[3]) {
    int count = 0;
#if defined(HOLTER_X86)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    found[count++] = {"AVX-512", run_avx512, avx512};
    found[count++] = {"AVX2", run_avx2, avx2};
#endif
    found[count++] = {"portable", run_portable, true};
    return count;
}

}  // namespace

void *scratch_of(Scratch *scratch, int number, size_t bytes) {
    if (scratch->bytes[number] < bytes || !scratch->memory[number]) {
        const size_t larger = (bytes + bytes / 4 + 4159) / 64 * 64;
        free(scratch->memory[number]);
        scratch->memory[number] = aligned_alloc(64, larger);
        scratch->bytes[number] = scratch->memory[number] ? larger : 0;
        if (!scratch->memory[number]) scratch->failed = 1;
    }
    return scratch->memory[number];
}

extern "C" {

__attribute__((visibility("default"))) int holter_api() { return 5; }

// The name of the instruction set at this place of the list, best first; null past its end or if this processor lacks it.
__attribute__((visibility("default"))) const char *holter_set(int number) {
    Set found[3];
    return number >= 0 && number < sets(found) && found[number].is_there ? found[number].name : nullptr;
}

__attribute__((visibility("default"))) int holter_sets() {
    Set found[3];
    return sets(found);
}

// Returns 0; -1 if there is no memory; -2 if this processor lacks the instruction set.
__attribute__((visibility("default"))) int holter_run(int set, const Layout *layout, const Sample *samples,
                                                      int64_t count, const double *steps) {
    Set found[3];
    if (set < 0 || set >= sets(found) || !found[set].is_there) return -2;
    Scratch *scratch = scratch_of_thread();
    return scratch ? found[set].run(layout, samples, count, steps, scratch) : -1;
}

// Returns how many reads were done before one failed; all of them if none did.
__attribute__((visibility("default"))) int64_t holter_read(const Read *reads, int64_t count, const Blosc2 *blosc2,
                                                           Progress *progress) {
    Scratch *scratch = scratch_of_thread();
    return scratch ? read_all(reads, count, blosc2, progress, scratch) : 0;
}
}
