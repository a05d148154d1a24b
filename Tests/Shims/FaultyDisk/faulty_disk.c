// Preloaded into the daemon by tests: counts its file calls below one directory, and at call N cuts the power or fails.
//
// FOREBAY_DISK holds `key=value`, separated by spaces:
//   root=DIR      the data directory; calls elsewhere are left alone
//   report=FILE   a line for each call, `call N KIND NAME COUNT`; for the first fault, `fault N KIND NAME`
//   at=N          when; without it nothing happens
//   cut=LOSS      all, part, torn, data, names (model.h): the process is killed, and the directory is what a power cut
//                 leaves of it
//   fail=HOW      EIO, ENOSPC, EINTR, EMFILE; short (a write takes half); clean (a sync fails, its pages stay readable
//                 until the power goes, a later sync succeeds); revert (a sync fails, its pages are again what the disk
//                 has). Where call N is of a kind that cannot fail so, the next one that can
//   for=good      not only that call, but every later one of its kind
//   end=LOSS      the power is cut when the process has ended by itself, too
//   seed=N        of what LOSS leaves to chance
//   lie=HOW       the planted bugs. sync, directory: nothing is synced, and said to be; alerts: only what is below
//                 log/alerts-0 is not; retry: a sync that failed is called again, and then it succeeds; space: what a full
//                 disk does not take is said to be written, and there is always room
//
// Nothing is really synced: what a cut leaves is the model's to say, and tests are quicker for it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "model.h"

#define DESCRIPTORS 65536

enum kind { OPEN, CREATE, WRITE, SYNC, DIRSYNC, TRUNCATE, RENAME, UNLINK, MKDIR, CLOSE };
static const char *const kind_names[] = {"open",     "create", "write",  "sync",  "dirsync",
                                         "truncate", "rename", "unlink", "mkdir", "close"};

// What becomes of one call.
enum verdict { PASS, FAIL, SHORT, CLEAN, REVERT, CUT };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct node *open_nodes[DESCRIPTORS];
static int is_active, report = -1;
static long calls, at;
static int is_cutting, is_cut_at_end, is_for_good, is_spent;
static enum loss loss, end_loss;
static enum verdict failure;
static int failure_errno;
static enum kind failed_kind;
static uint64_t seed;
static int lies_sync, lies_directory, lies_alerts, lies_retry, lies_space;

// --- settings ---

static enum loss loss_named(const char *name) {
    static const char *const names[] = {"all", "part", "torn", "data", "names"};
    for (int index = 0; index < 5; index++)
        if (strcmp(name, names[index]) == 0) return (enum loss)index;
    abort();
}

static void set_failure(const char *name) {
    failure = FAIL;
    if (strcmp(name, "short") == 0) failure = SHORT;
    else if (strcmp(name, "clean") == 0) failure = CLEAN;
    else if (strcmp(name, "revert") == 0) failure = REVERT;
    else if (strcmp(name, "ENOSPC") == 0) failure_errno = ENOSPC;
    else if (strcmp(name, "EINTR") == 0) failure_errno = EINTR;
    else if (strcmp(name, "EMFILE") == 0) failure_errno = EMFILE;
    else if (strcmp(name, "EIO") == 0) failure_errno = EIO;
    else abort();
    if (failure == CLEAN || failure == REVERT) failure_errno = EIO;
}

static void set(const char *key, const char *value) {
    if (strcmp(key, "root") == 0) model_load(value);
    else if (strcmp(key, "report") == 0)
        report = (int)syscall(SYS_openat, AT_FDCWD, value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    else if (strcmp(key, "at") == 0) at = atol(value);
    else if (strcmp(key, "cut") == 0) is_cutting = 1, loss = loss_named(value);
    else if (strcmp(key, "fail") == 0) set_failure(value);
    else if (strcmp(key, "for") == 0) is_for_good = strcmp(value, "good") == 0;
    else if (strcmp(key, "end") == 0) is_cut_at_end = 1, end_loss = loss_named(value);
    else if (strcmp(key, "seed") == 0) seed = strtoull(value, NULL, 10);
    else if (strcmp(key, "lie") == 0) {
        lies_sync = strcmp(value, "sync") == 0;
        lies_directory = strcmp(value, "directory") == 0;
        lies_alerts = strcmp(value, "alerts") == 0;
        lies_retry = strcmp(value, "retry") == 0;
        lies_space = strcmp(value, "space") == 0;
    } else abort();
}

__attribute__((constructor)) static void begin(void) {
    const char *settings = getenv("FOREBAY_DISK");
    // Programs that the daemon starts inherit the environment; they have no part in this.
    if (!settings || strcmp(program_invocation_short_name, "forebay") != 0) return;
    char *copy = strdup(settings), *rest = NULL;
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(word, '=');
        if (!equals) abort();
        *equals = 0;
        set(word, equals + 1);
    }
    free(copy);
    is_active = 1;
}

__attribute__((destructor)) static void end(void) {
    if (!is_active || !is_cut_at_end) return;
    // Held for good: nothing of this process comes after.
    pthread_mutex_lock(&lock);
    model_cut(end_loss, seed);
}

// --- one call ---

static void say(const char *format, ...) {
    char line[PATH_MAX + 128];
    va_list arguments;
    va_start(arguments, format);
    int count = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    syscall(SYS_write, report, line, (size_t)count);
}

static int can_fail(enum kind kind) {
    switch (failure) {
    case SHORT: return kind == WRITE;
    case CLEAN: case REVERT: return kind == SYNC;
    default: break;
    }
    switch (failure_errno) {
    case EMFILE: return kind == OPEN || kind == CREATE;
    case ENOSPC: return kind == CREATE || kind == WRITE || kind == MKDIR || kind == RENAME;
    case EINTR: return kind == OPEN || kind == CREATE || kind == WRITE || kind == TRUNCATE;
    default: return 1;
    }
}

// Counts a call and says what becomes of it. The lock is held.
static enum verdict judge(enum kind kind, const char *name, size_t count) {
    calls++;
    say("call %ld %s %s %zu\n", calls, kind_names[kind], name, count);
    if (!at || calls < at) return PASS;
    if (is_cutting) {
        if (calls > at) return PASS;
        say("fault %ld %s %s\n", calls, kind_names[kind], name);
        return CUT;
    }
    if (failure == PASS || !can_fail(kind)) return PASS;
    if (is_spent && !(is_for_good && kind == failed_kind)) return PASS;
    if (!is_spent) say("fault %ld %s %s\n", calls, kind_names[kind], name);
    is_spent = 1;
    failed_kind = kind;
    errno = failure_errno;
    return failure;
}

static void cut(void) {
    model_cut(loss, seed);
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static struct node *node_of(int fd) { return is_active && fd >= 0 && fd < DESCRIPTORS ? open_nodes[fd] : NULL; }

static const char *below_root(const char *path) {
    struct node *node = model_find(path);
    return node ? model_name(node) : strrchr(path, '/') + 1;
}

// --- opening and closing ---

static int open_counted(const char *path, int flags, mode_t mode) {
    if (!is_active || !model_covers(path)) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    pthread_mutex_lock(&lock);
    int is_new = !model_find(path) && (flags & O_CREAT);
    enum verdict verdict = judge(is_new ? CREATE : OPEN, below_root(path), 0);
    int fd = -1;
    if (verdict != FAIL) {
        fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
        int code = errno;
        struct node *node = model_find(path);
        if (fd >= 0 && !node && is_new) node = model_create(path, 0);
        if (fd >= 0 && node && (flags & O_TRUNC)) model_truncate(node, 0);
        if (fd >= 0 && fd < DESCRIPTORS) open_nodes[fd] = node;
        errno = code;
    }
    if (verdict == CUT) cut();
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPENS(name)                                                           \
    int name(const char *path, int flags, ...) {                              \
        va_list arguments;                                                    \
        va_start(arguments, flags);                                           \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0; \
        va_end(arguments);                                                    \
        return open_counted(path, flags, mode);                               \
    }
OPENS(open)
OPENS(open64)

int close(int fd) {
    struct node *node = node_of(fd);
    if (!node) return (int)syscall(SYS_close, fd);
    pthread_mutex_lock(&lock);
    enum verdict verdict = judge(CLOSE, model_name(node), 0);
    if (verdict == CUT) cut();
    open_nodes[fd] = NULL;
    // Linux closes the descriptor whatever it reports.
    int result = (int)syscall(SYS_close, fd);
    if (verdict == FAIL) errno = failure_errno, result = -1;
    pthread_mutex_unlock(&lock);
    return result;
}

// --- bytes ---

static ssize_t write_counted(struct node *node, int fd, const struct iovec *parts, int part_count, off_t position) {
    size_t total = 0;
    for (int index = 0; index < part_count; index++) total += parts[index].iov_len;
    pthread_mutex_lock(&lock);
    enum verdict verdict = judge(WRITE, model_name(node), total);
    ssize_t result = -1;
    if (verdict != FAIL) {
        char *bytes = malloc(total + 1);
        if (!bytes) abort();
        size_t filled = 0;
        for (int index = 0; index < part_count; filled += parts[index++].iov_len)
            memcpy(bytes + filled, parts[index].iov_base, parts[index].iov_len);
        if (verdict == SHORT && total > 1) total /= 2;
        result = syscall(SYS_pwrite64, fd, bytes, total, position);
        int code = errno;
        if (result > 0) model_write(node, bytes, (size_t)result, (size_t)position);
        free(bytes);
        errno = code;
    }
    if (verdict == CUT) cut();
    if (result < 0 && errno == ENOSPC && lies_space) result = (ssize_t)total;
    pthread_mutex_unlock(&lock);
    return result;
}

ssize_t pwritev64(int fd, const struct iovec *parts, int part_count, off64_t position) {
    struct node *node = node_of(fd);
    if (node) return write_counted(node, fd, parts, part_count, position);
    return syscall(SYS_pwritev, fd, parts, part_count, position, 0);
}

ssize_t pwritev(int fd, const struct iovec *parts, int part_count, off_t position) {
    return pwritev64(fd, parts, part_count, position);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t position) {
    struct node *node = node_of(fd);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    if (node) return write_counted(node, fd, &part, 1, position);
    return syscall(SYS_pwrite64, fd, bytes, count, position);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t position) { return pwrite64(fd, bytes, count, position); }

ssize_t write(int fd, const void *bytes, size_t count) {
    struct node *node = node_of(fd);
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    if (!node) return syscall(SYS_write, fd, bytes, count);
    off_t position = lseek(fd, 0, SEEK_CUR);
    ssize_t result = write_counted(node, fd, &part, 1, position);
    if (result > 0) lseek(fd, position + result, SEEK_SET);
    return result;
}

int ftruncate64(int fd, off64_t length) {
    struct node *node = node_of(fd);
    if (!node) return (int)syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&lock);
    enum verdict verdict = judge(TRUNCATE, model_name(node), (size_t)length);
    int result = verdict == FAIL ? -1 : (int)syscall(SYS_ftruncate, fd, length);
    if (result == 0) model_truncate(node, (size_t)length);
    if (verdict == CUT) cut();
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

// The file is again what the disk has of it.
static void put_back(struct node *file, int fd) {
    size_t length;
    const void *bytes = model_synced(file, &length);
    if (syscall(SYS_ftruncate, fd, 0) != 0 || syscall(SYS_pwrite64, fd, bytes, length, 0) != (ssize_t)length) abort();
}

static int sync_counted(struct node *node) {
    int is_directory = model_is_directory(node);
    pthread_mutex_lock(&lock);
    enum verdict verdict = judge(is_directory ? DIRSYNC : SYNC, model_name(node), model_pending(node));
    if (verdict == CUT) cut();
    int result = verdict == PASS ? 0 : -1;
    int is_lie = is_directory ? lies_directory : lies_sync;
    if (lies_alerts && strncmp(model_name(node), "log/alerts-0/", 13) == 0) is_lie = 1;
    if (verdict == PASS && !is_lie) model_sync(node);
    if (verdict == CLEAN || verdict == REVERT || (verdict == FAIL && !is_directory)) {
        if (verdict == REVERT)
            for (int fd = 0; fd < DESCRIPTORS; fd++)
                if (open_nodes[fd] == node && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR) {
                    put_back(node, fd);
                    break;
                }
        model_forget(node);
        if (lies_retry) result = 0;
        errno = failure_errno;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

int fdatasync(int fd) {
    struct node *node = node_of(fd);
    return node ? sync_counted(node) : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd) {
    struct node *node = node_of(fd);
    return node ? sync_counted(node) : (int)syscall(SYS_fsync, fd);
}

int statvfs64(const char *path, struct statvfs64 *result) {
    static int (*real)(const char *, struct statvfs64 *);
    if (!real) real = (int (*)(const char *, struct statvfs64 *))dlsym(RTLD_NEXT, "statvfs64");
    int code = real(path, result);
    if (code == 0 && lies_space) result->f_bavail = result->f_blocks;
    return code;
}

int statvfs(const char *path, struct statvfs *result) { return statvfs64(path, (struct statvfs64 *)result); }

// --- names ---

int rename(const char *from, const char *to) {
    if (!is_active || !model_covers(from)) return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    pthread_mutex_lock(&lock);
    enum verdict verdict = model_find(from) ? judge(RENAME, below_root(from), 0) : PASS;
    int result = verdict == FAIL ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (result == 0) model_rename(from, to);
    if (verdict == CUT) cut();
    pthread_mutex_unlock(&lock);
    return result;
}

int unlink(const char *path) {
    if (!is_active || !model_covers(path)) return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    pthread_mutex_lock(&lock);
    enum verdict verdict = model_find(path) ? judge(UNLINK, below_root(path), 0) : PASS;
    int result = verdict == FAIL ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (result == 0) model_remove(path);
    if (verdict == CUT) cut();
    pthread_mutex_unlock(&lock);
    return result;
}

int mkdir(const char *path, mode_t mode) {
    if (!is_active || !model_covers(path)) return (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    pthread_mutex_lock(&lock);
    enum verdict verdict = model_find(path) ? PASS : judge(MKDIR, below_root(path), 0);
    int result = verdict == FAIL ? -1 : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
    if (result == 0) model_create(path, 1);
    if (verdict == CUT) cut();
    pthread_mutex_unlock(&lock);
    return result;
}
