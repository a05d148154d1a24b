// The log's work and nothing else: fill record batches, checksum them, write each at the file's end, sync it.
//
//     log-append --file PATH [--records N] [--record-bytes N] [--count N] [--interval-us N] [--sync-us N]
//
// A batch is a Kafka v2 header of 61 bytes and --records (2000) copied records of --record-bytes (250) bytes, of which
// --count (200) are written, one each --interval-us (10000; 0 for as fast as it goes). A sync follows each of them, or,
// with --sync-us, the first that is written so long after the last sync, and the last one. Prints the rate, CPU per record
// and the time of write and sync.
#define _GNU_SOURCE
#include "bench.h"
#include "crc32c.h"

#include <fcntl.h>
#include <unistd.h>

enum { HEADER_BYTES = 61, CHECKSUM_AT = 17, CHECKED_FROM = 21 };

// Copies the records behind the header, changing a few bytes of each as an encoder would, and sets the checksum.
static void build_batch(uint8_t *batch, const uint8_t *record, size_t records, size_t record_bytes, uint64_t base) {
    memset(batch, 0, HEADER_BYTES);
    memcpy(batch, &base, sizeof(base));
    for (size_t i = 0; i < records; i++) {
        uint8_t *place = batch + HEADER_BYTES + i * record_bytes;
        uint64_t offset = base + i;
        memcpy(place, record, record_bytes);
        memcpy(place, &offset, sizeof(offset));
    }
    uint32_t crc = crc32c(batch + CHECKED_FROM, HEADER_BYTES - CHECKED_FROM + records * record_bytes);
    memcpy(batch + CHECKSUM_AT, &crc, sizeof(crc));
}

int main(int argc, char **argv) {
    const char *path = text_option(argc, argv, "--file", NULL);
    size_t records = (size_t)number_option(argc, argv, "--records", 2000);
    size_t record_bytes = (size_t)number_option(argc, argv, "--record-bytes", 250);
    size_t count = (size_t)number_option(argc, argv, "--count", 200);
    int64_t interval = (int64_t)(number_option(argc, argv, "--interval-us", 10000) * 1000);
    int64_t sync_interval = (int64_t)(number_option(argc, argv, "--sync-us", 0) * 1000);
    size_t length = HEADER_BYTES + records * record_bytes;
    uint8_t *batch = malloc(length);
    uint8_t *record = malloc(record_bytes < 8 ? 8 : record_bytes);
    int64_t *times = calloc(count, sizeof(*times));
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0 || batch == NULL || record == NULL || times == NULL || record_bytes < 8 || count == 0) {
        fail("log-append --file");
    }
    prepare_crc32c();
    memset(record, 'r', record_bytes);
    int64_t cpu_start = cpu_ns();
    int64_t start = monotonic_ns();
    int64_t synced = start;
    for (size_t i = 0; i < count; i++) {
        if (interval > 0) {
            sleep_until(start + (int64_t)i * interval);
        }
        build_batch(batch, record, records, record_bytes, i * records);
        int64_t before = monotonic_ns();
        int written = pwrite(fd, batch, length, (off_t)(i * length)) == (ssize_t)length;
        int is_due = before - synced >= sync_interval || i + 1 == count;
        if (!written || (is_due && fdatasync(fd) < 0)) {
            unlink(path);
            fail("write and sync");
        }
        int64_t after = monotonic_ns();
        times[i] = after - before;
        synced = is_due ? after : synced;
    }
    double seconds = (double)(monotonic_ns() - start) / 1e9;
    double cpu = (double)(cpu_ns() - cpu_start);
    unlink(path);
    qsort(times, count, sizeof(*times), compare_times);
    printf("{\"records\":%zu,\"rate\":%.0f,\"cpu_ns_per_record\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
           count * records, (double)(count * records) / seconds, cpu / (double)(count * records),
           percentile_us(times, count, 0.5), percentile_us(times, count, 0.99));
    return 0;
}
