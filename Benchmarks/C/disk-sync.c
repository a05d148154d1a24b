// How long the disk takes to make 16 KiB durable at the end of a growing file.
//
//     disk-sync --file PATH [--count N] [--bytes N]
//
// Prints {"p50_us":..,"p99_us":..,"max_us":..}. The file is removed at the end.
#define _GNU_SOURCE
#include "bench.h"

#include <fcntl.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const char *path = text_option(argc, argv, "--file", NULL);
    size_t count = (size_t)number_option(argc, argv, "--count", 500);
    size_t length = (size_t)number_option(argc, argv, "--bytes", 16384);
    char *block = malloc(length);
    int64_t *times = calloc(count, sizeof(*times));
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || block == NULL || times == NULL || count == 0) {
        fail("disk-sync --file");
    }
    memset(block, 'x', length);
    for (size_t i = 0; i < count; i++) {
        int64_t start = monotonic_ns();
        if (pwrite(fd, block, length, (off_t)(i * length)) != (ssize_t)length || fdatasync(fd) < 0) {
            unlink(path);
            fail("write and sync");
        }
        times[i] = monotonic_ns() - start;
    }
    unlink(path);
    qsort(times, count, sizeof(*times), compare_times);
    printf("{\"count\":%zu,\"bytes\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n", count, length,
           percentile_us(times, count, 0.5), percentile_us(times, count, 0.99), percentile_us(times, count, 1));
    return 0;
}
