/* A stand-in for libnvidia-ml.so.1: the real binding loads it, a state file says what the GPU shows.
 *
 * FAKE_NVML_STATE names a file of key=value lines, read again at every call. fake_nvml.py documents the keys and
 * writes the file. A key may be given for one GPU only as gpu<index>.<key>.
 *
 * Struct layouts follow NVIDIA's public NVML interface (process information version 3, licensable features version 4).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    INSUFFICIENT_SIZE = 7,
    FUNCTION_NOT_FOUND = 13,
    GPU_IS_LOST = 15
};
enum { GPUS_MAX = 16, FIRST_SLICE = 100, HANDLES_MAX = 116, VALUE_MAX = 512, PROCESSES_MAX = 32, LICENCE_TEXT_MAX = 128, FEATURES_MAX = 3 };

typedef struct { int index; } device_t;
typedef struct { unsigned int gpu, memory; } utilization_t;
typedef struct { unsigned long long total, free, used; } memory_t;
typedef struct {
    unsigned int pid;
    unsigned long long memory;
    unsigned int gpu_instance, compute_instance;
} process_t;
typedef struct {
    uint32_t year;
    uint16_t month, day, hour, min, sec;
    uint8_t status;
} expiry_t;
typedef struct {
    unsigned int code, state;
    char info[LICENCE_TEXT_MAX], product[LICENCE_TEXT_MAX];
    unsigned int enabled;
    expiry_t expiry;
} feature_t;
typedef struct {
    int supported;
    unsigned int count;
    feature_t features[FEATURES_MAX];
} features_t;

static device_t devices[HANDLES_MAX]; /* GPUs, and from FIRST_SLICE on MIG devices */
static int initialized;
static int fell_off[HANDLES_MAX]; /* a GPU that was lost is found again only by opening the library afresh */

/* The value of a key, its own line for this GPU first; an empty string where the file does not say. */
static const char *look_up(const char *key, int index, char *value) {
    char own[128], line[VALUE_MAX], *equals;
    const char *path = getenv("FAKE_NVML_STATE");
    FILE *file = path ? fopen(path, "r") : NULL;
    int found_own = 0;
    value[0] = '\0';
    if (!file) return value;
    snprintf(own, sizeof own, "gpu%d.%s", index, key);
    while (!found_own && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        equals = strchr(line, '=');
        if (!equals) continue;
        *equals = '\0';
        found_own = !strcmp(line, own);
        if (found_own || !strcmp(line, key)) strcpy(value, equals + 1);
    }
    fclose(file);
    return value;
}

static int listed(const char *list_key, const char *name, int index) {
    char value[VALUE_MAX], *rest = value, *word;
    look_up(list_key, index, value);
    while ((word = strsep(&rest, ",")))
        if (!strcmp(word, name)) return 1;
    return 0;
}

/* What every call goes through: may it answer at all? An index of -1 is the library, not a GPU. */
static int gate(const char *name, int index) {
    char value[VALUE_MAX];
    int slow_ms = atoi(look_up("slow_ms", index, value));
    if (!initialized) return UNINITIALIZED;
    if (slow_ms && listed("slow", name, index)) usleep(1000u * (unsigned)slow_ms);
    if (listed("block", name, index))
        for (;;) pause();
    if (listed("crash", name, index)) abort();
    if (index >= 0 && *look_up("lost", index, value) == '1') fell_off[index] = 1;
    if (index >= 0 && fell_off[index]) return GPU_IS_LOST;
    if (listed("not_supported", name, index)) return NOT_SUPPORTED;
    if (listed("function_not_found", name, index)) return FUNCTION_NOT_FOUND;
    return SUCCESS;
}

static int text(const char *name, int index, char *into, unsigned int size) {
    char value[VALUE_MAX];
    int refused = gate(name, index);
    if (refused) return refused;
    snprintf(into, size, "%s", look_up(name, index, value));
    return SUCCESS;
}

static int number(const char *name, int index, unsigned long long *into) {
    char value[VALUE_MAX];
    int refused = gate(name, index);
    if (refused) return refused;
    if (!*look_up(name, index, value)) return NOT_SUPPORTED;
    *into = strtoull(value, NULL, 0);
    return SUCCESS;
}

static int small(const char *name, device_t *device, unsigned int *into) {
    unsigned long long wide = 0;
    int refused = number(name, device->index, &wide);
    if (!refused) *into = (unsigned int)wide;
    return refused;
}

int nvmlInitWithFlags(unsigned int flags) {
    char value[VALUE_MAX];
    int refused = atoi(look_up("init_error", -1, value));
    (void)flags;
    if (refused) return refused;
    initialized = 1;
    memset(fell_off, 0, sizeof fell_off);
    return gate("init", -1);
}
int nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { return code == SUCCESS ? "Success" : "Made-up error"; }
int nvmlSystemGetDriverVersion(char *into, unsigned int size) { return text("driver", -1, into, size); }
int nvmlSystemGetProcessName(unsigned int pid, char *into, unsigned int size) {
    char key[64];
    snprintf(key, sizeof key, "process_name.%u", pid);
    if (text(key, -1, into, size)) return NOT_SUPPORTED;
    return *into ? SUCCESS : 6; /* not found */
}

int nvmlDeviceGetCount_v2(unsigned int *count) {
    char value[VALUE_MAX];
    *count = (unsigned int)atoi(look_up("count", -1, value));
    return gate("count", -1);
}
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, device_t **device) {
    if (index >= GPUS_MAX) return INVALID_ARGUMENT;
    devices[index].index = (int)index;
    *device = &devices[index];
    return SUCCESS;
}
int nvmlDeviceGetName(device_t *d, char *into, unsigned int size) { return text("name", d->index, into, size); }
int nvmlDeviceGetUUID(device_t *d, char *into, unsigned int size) { return text("uuid", d->index, into, size); }

int nvmlDeviceGetUtilizationRates(device_t *d, utilization_t *into) {
    int refused = small("utilization", d, &into->gpu);
    into->memory = into->gpu / 2;
    return refused;
}
int nvmlDeviceGetMemoryInfo(device_t *d, memory_t *into) {
    char value[VALUE_MAX];
    int refused = gate("memory", d->index);
    if (refused) return refused;
    into->total = strtoull(look_up("memory_total", d->index, value), NULL, 0);
    into->used = strtoull(look_up("memory_used", d->index, value), NULL, 0);
    into->free = into->total - into->used;
    return SUCCESS;
}
int nvmlDeviceGetPowerUsage(device_t *d, unsigned int *mw) { return small("power", d, mw); }
int nvmlDeviceGetEnforcedPowerLimit(device_t *d, unsigned int *mw) { return small("power_limit", d, mw); }
int nvmlDeviceGetClockInfo(device_t *d, int kind, unsigned int *mhz) {
    return small(kind == 2 ? "memory_clock" : "sm_clock", d, mhz);
}
int nvmlDeviceGetMaxClockInfo(device_t *d, int kind, unsigned int *mhz) {
    return small(kind == 2 ? "memory_clock_max" : "sm_clock_max", d, mhz);
}
int nvmlDeviceGetTemperature(device_t *d, int sensor, unsigned int *celsius) {
    (void)sensor;
    return small("temperature", d, celsius);
}
int nvmlDeviceGetCurrentClocksEventReasons(device_t *d, unsigned long long *bits) {
    return number("clock_event_reasons", d->index, bits);
}
int nvmlDeviceGetCurrentClocksThrottleReasons(device_t *d, unsigned long long *bits) {
    return number("clock_throttle_reasons", d->index, bits);
}
int nvmlDeviceGetTotalEccErrors(device_t *d, int kind, int counter, unsigned long long *count) {
    return number(kind == 1 && counter == 0 ? "ecc_uncorrected" : "ecc_other", d->index, count);
}
int nvmlDeviceGetCurrPcieLinkGeneration(device_t *d, unsigned int *v) { return small("pcie_generation", d, v); }
int nvmlDeviceGetMaxPcieLinkGeneration(device_t *d, unsigned int *v) { return small("pcie_generation_max", d, v); }
int nvmlDeviceGetCurrPcieLinkWidth(device_t *d, unsigned int *v) { return small("pcie_width", d, v); }
int nvmlDeviceGetMaxPcieLinkWidth(device_t *d, unsigned int *v) { return small("pcie_width_max", d, v); }
int nvmlDeviceGetPcieThroughput(device_t *d, int counter, unsigned int *kilobytes_per_s) {
    usleep(20000); /* the real call measures over 20 ms */
    return small(counter == 1 ? "pcie_rx" : "pcie_tx", d, kilobytes_per_s);
}
int nvmlDeviceGetMigMode(device_t *d, unsigned int *current, unsigned int *pending) {
    int refused = small("mig", d, current);
    *pending = *current;
    return refused;
}
int nvmlDeviceGetCudaComputeCapability(device_t *d, int *major, int *minor) {
    char value[VALUE_MAX];
    int refused = gate("capability", d->index);
    if (refused) return refused;
    return sscanf(look_up("capability", d->index, value), "%d.%d", major, minor) == 2 ? SUCCESS : NOT_SUPPORTED;
}
int nvmlDeviceGetMaxMigDeviceCount(device_t *d, unsigned int *count) { return small("slices", d, count); }
int nvmlDeviceGetMigDeviceHandleByIndex(device_t *d, unsigned int number, device_t **slice) {
    unsigned int index = FIRST_SLICE + number;
    char value[VALUE_MAX];
    int refused = gate("mig", d->index);
    if (refused) return refused;
    if (index >= HANDLES_MAX || !*look_up("exists", (int)index, value)) return 6; /* not found */
    devices[index].index = (int)index;
    *slice = &devices[index];
    return SUCCESS;
}
int nvmlDeviceGetVirtualizationMode(device_t *d, int *mode) {
    return small("virtualization", d, (unsigned int *)mode);
}

/* processes=pid:bytes,pid:bytes */
int nvmlDeviceGetComputeRunningProcesses_v3(device_t *d, unsigned int *count, process_t *into) {
    char value[VALUE_MAX], *rest = value, *word;
    unsigned int room = into ? *count : 0, seen = 0;
    int refused = gate("processes", d->index);
    if (refused) return refused;
    look_up("processes", d->index, value);
    while (*value && (word = strsep(&rest, ","))) {
        if (seen < room) {
            memset(&into[seen], 0, sizeof *into);
            into[seen].pid = (unsigned int)strtoul(word, NULL, 10);
            into[seen].memory = strchr(word, ':') ? strtoull(strchr(word, ':') + 1, NULL, 10) : ~0ull;
        }
        seen++;
    }
    *count = seen;
    return seen > room ? INSUFFICIENT_SIZE : SUCCESS;
}

int nvmlDeviceGetGridLicensableFeatures_v4(device_t *d, features_t *into) {
    char value[VALUE_MAX];
    int refused = gate("licence", d->index);
    if (refused) return refused;
    memset(into, 0, sizeof *into);
    into->supported = *look_up("licence_supported", d->index, value) == '1';
    if (!into->supported) return SUCCESS;
    into->count = 1;
    into->features[0].code = 2;
    into->features[0].enabled = 1;
    into->features[0].state = !strncmp(look_up("licence", d->index, value), "Licensed", 8);
    snprintf(into->features[0].product, LICENCE_TEXT_MAX, "%.127s", look_up("licence_product", d->index, value));
    return SUCCESS;
}
