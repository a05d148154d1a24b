// Preloaded into the daemon by tests: what is written to a segment reaches the file only when it is synced.
//
// A process that is killed then loses what it had not synced, as a box does when its power is cut. With
// FOREBAY_POWER_CUT=lie the sync says that it has succeeded and the bytes follow 300 ms later: the planted bug,
// an acknowledgement before the sync. With FOREBAY_POWER_CUT=late it syncs and says so 50 ms later: a kill then mostly falls
// between a sync and what follows from it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct held {
    struct held *next;
    int fd;
    ino_t file;
    off_t position;
    size_t count;
    long long due;  // monotonic ns at which a lying sync lets it through; 0: not synced yet
    char bytes[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct held *first, **last = &first;
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fdatasync)(int);
static int is_lying, is_late;

static long long monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static ino_t file_of(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

static int is_segment(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t count = readlink(link, path, sizeof path - 1);
    if (count < 4) return 0;
    path[count] = 0;
    return strcmp(path + count - 4, ".log") == 0;
}

static void apply(struct held *one) {
    size_t done = 0;
    while (done < one->count) {
        ssize_t count = real_pwrite(one->fd, one->bytes + done, one->count - done, one->position + (off_t)done);
        if (count <= 0) break;
        done += (size_t)count;
    }
}

// Lets through what `wanted` says, in the order of writing.
static void release(int (*wanted)(const struct held *, long long), long long argument) {
    struct held **at = &first;
    while (*at) {
        struct held *one = *at;
        if (wanted(one, argument)) {
            apply(one);
            *at = one->next;
            free(one);
        } else {
            at = &one->next;
        }
    }
    last = at;
}

static int is_of_file(const struct held *one, long long fd) { return one->fd == fd; }
static int is_due(const struct held *one, long long now) { return one->due && one->due <= now; }

static void *late(void *unused) {
    for (;;) {
        usleep(20000);
        pthread_mutex_lock(&lock);
        release(is_due, monotonic());
        pthread_mutex_unlock(&lock);
    }
    return unused;
}

__attribute__((constructor)) static void begin(void) {
    real_pwrite = (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite64");
    real_fdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    const char *mode = getenv("FOREBAY_POWER_CUT");
    is_late = mode && strcmp(mode, "late") == 0;
    is_lying = mode && strcmp(mode, "lie") == 0;
    if (is_lying) {
        pthread_t thread;
        pthread_create(&thread, NULL, late, NULL);
    }
}

static ssize_t hold(int fd, const struct iovec *parts, int part_count, off_t position) {
    size_t count = 0;
    for (int index = 0; index < part_count; index++) count += parts[index].iov_len;
    struct held *one = malloc(sizeof *one + count);
    if (!one) {
        errno = ENOMEM;
        return -1;
    }
    *one = (struct held){.fd = fd, .file = file_of(fd), .position = position, .count = count};
    size_t at = 0;
    for (int index = 0; index < part_count; index++) {
        memcpy(one->bytes + at, parts[index].iov_base, parts[index].iov_len);
        at += parts[index].iov_len;
    }
    pthread_mutex_lock(&lock);
    *last = one;
    last = &one->next;
    pthread_mutex_unlock(&lock);
    return (ssize_t)count;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int part_count, off64_t position) {
    static ssize_t (*real)(int, const struct iovec *, int, off64_t);
    if (is_segment(fd)) return hold(fd, parts, part_count, position);
    if (!real) real = (ssize_t(*)(int, const struct iovec *, int, off64_t))dlsym(RTLD_NEXT, "pwritev64");
    return real(fd, parts, part_count, position);
}

ssize_t pwritev(int fd, const struct iovec *parts, int part_count, off_t position) {
    return pwritev64(fd, parts, part_count, position);
}

// A process sees what it wrote, synced or not.
ssize_t pread64(int fd, void *buffer, size_t count, off64_t position) {
    static ssize_t (*real)(int, void *, size_t, off64_t);
    if (!real) real = (ssize_t(*)(int, void *, size_t, off64_t))dlsym(RTLD_NEXT, "pread64");
    if (!is_segment(fd)) return real(fd, buffer, count, position);
    ino_t file = file_of(fd);
    pthread_mutex_lock(&lock);
    ssize_t filled = real(fd, buffer, count, position);
    for (struct held *one = first; one && filled >= 0; one = one->next) {
        off64_t from = one->position > position ? one->position : position;
        off64_t to = one->position + (off64_t)one->count;
        if (to > position + (off64_t)count) to = position + (off64_t)count;
        if (one->file != file || from >= to) continue;
        if (from - position > filled) memset((char *)buffer + filled, 0, (size_t)(from - position - filled));
        memcpy((char *)buffer + (from - position), one->bytes + (from - one->position), (size_t)(to - from));
        if (to - position > filled) filled = to - position;
    }
    pthread_mutex_unlock(&lock);
    return filled;
}

ssize_t pread(int fd, void *buffer, size_t count, off_t position) { return pread64(fd, buffer, count, position); }

int fdatasync(int fd) {
    pthread_mutex_lock(&lock);
    if (is_lying) {
        long long due = monotonic() + 300000000LL;
        for (struct held *one = first; one; one = one->next)
            if (one->fd == fd && !one->due) one->due = due;
    } else {
        release(is_of_file, fd);
    }
    pthread_mutex_unlock(&lock);
    int result = real_fdatasync(fd);
    if (is_late && is_segment(fd)) usleep(50000);
    return result;
}

int fsync(int fd) {
    static int (*real)(int);
    pthread_mutex_lock(&lock);
    if (!is_lying) release(is_of_file, fd);
    pthread_mutex_unlock(&lock);
    if (!real) real = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return real(fd);
}
