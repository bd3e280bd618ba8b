/* malloc that returns NULL for large blocks once a file is there: as an allocator that has reached a ceiling of its own.
   The file's name is in FAILING_MALLOC_FILE; blocks below LARGE go through, or nothing could say what has happened. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define LARGE (256 * 1024)

static const char *armed_by;

__attribute__((constructor)) static void begin(void) { armed_by = getenv("FAILING_MALLOC_FILE"); }

static int fails(size_t size) { return size >= LARGE && armed_by && access(armed_by, F_OK) == 0; }

void *malloc(size_t size) {
    static void *(*real)(size_t);
    if (!real) real = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    if (fails(size)) {
        errno = ENOMEM;
        return NULL;
    }
    return real(size);
}

int posix_memalign(void **into, size_t alignment, size_t size) {
    static int (*real)(void **, size_t, size_t);
    if (!real) real = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    return fails(size) ? ENOMEM : real(into, alignment, size);
}
