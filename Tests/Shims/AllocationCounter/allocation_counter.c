// Preloaded into the daemon by tests: counts heap allocations by thread name, in a file that the test maps.
//
// FOREBAY_ALLOCATIONS names the file: 64 entries of 24 bytes, a name of 16 bytes (NUL-padded, as pthread_getname_np
// gives it) and a 64-bit count in native order. Threads of one name share an entry.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

struct entry {
    char name[16];
    uint64_t count;
};

enum { entry_count = 64 };

static struct entry *entries;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static __thread struct entry *own __attribute__((tls_model("initial-exec")));
static __thread unsigned calls __attribute__((tls_model("initial-exec")));

static void *(*real_malloc)(size_t);
static void *(*real_calloc)(size_t, size_t);
static void *(*real_realloc)(void *, size_t);
static int (*real_posix_memalign)(void **, size_t, size_t);
static void *(*real_aligned_alloc)(size_t, size_t);

// dlsym allocates before the real functions are known: a few bytes that are never freed.
static char early[65536];
static size_t early_used;

static void *early_allocate(size_t count) {
    size_t at = (early_used + 15) & ~(size_t)15;
    if (at + count > sizeof early) return NULL;
    early_used = at + count;
    return early + at;
}

static int is_early(const void *pointer) {
    return (const char *)pointer >= early && (const char *)pointer < early + sizeof early;
}

static __thread int is_resolving __attribute__((tls_model("initial-exec")));

// Called by whoever allocates first, which is a constructor of some library, before any of ours.
static int is_ready(void) {
    if (real_malloc) return 1;
    if (is_resolving) return 0;
    is_resolving = 1;
    real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    real_posix_memalign = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    real_aligned_alloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
    real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    is_resolving = 0;
    return 1;
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FOREBAY_ALLOCATIONS");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, entry_count * sizeof(struct entry)) != 0) return;
    void *mapped = mmap(NULL, entry_count * sizeof(struct entry), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED) entries = mapped;
}

static void count(void) {
    if (!entries) return;
    // A thread is named after it has begun: look again now and then.
    if (!own || (calls < 4096 && (calls & 15) == 0)) {
        char name[16] = {0};
        prctl(PR_GET_NAME, name);
        pthread_mutex_lock(&lock);
        for (int index = 0; index < entry_count; index++) {
            if (entries[index].name[0] == 0) memcpy(entries[index].name, name, sizeof name);
            if (memcmp(entries[index].name, name, sizeof name) == 0) {
                own = &entries[index];
                break;
            }
        }
        pthread_mutex_unlock(&lock);
    }
    calls++;
    if (own) __atomic_fetch_add(&own->count, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t size) {
    if (!is_ready()) return early_allocate(size);
    count();
    return real_malloc(size);
}

void *calloc(size_t number, size_t size) {
    if (!is_ready()) return early_allocate(number * size);
    count();
    return real_calloc(number, size);
}

void *realloc(void *pointer, size_t size) {
    if (!is_ready() || is_early(pointer)) {
        void *fresh = malloc(size);
        if (fresh && pointer) memcpy(fresh, pointer, size);
        return fresh;
    }
    count();
    return real_realloc(pointer, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    if (!is_ready()) return ENOMEM;
    count();
    return real_posix_memalign(result, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    if (!is_ready()) return NULL;
    count();
    return real_aligned_alloc(alignment, size);
}

void free(void *pointer) {
    static void (*real)(void *);
    if (!pointer || is_early(pointer)) return;
    if (!real) real = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    real(pointer);
}
