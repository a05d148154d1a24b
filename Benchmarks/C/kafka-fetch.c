// Fetches a topic and only skips over its batches: what a consumer that does nothing can get.
//
//     kafka-fetch --port N [--topic NAME] [--bytes N] [--seconds N]
//
// Fetch 11 of partition 0, --bytes (8388608) at a time, one request at a time, from the first offset to the end and
// again from the first, until --seconds (5) have passed. Prints the bytes of all answers.
#define _GNU_SOURCE
#include "kafka.h"

int main(int argc, char **argv) {
    const char *topic = topic_option(argc, argv);
    int bytes_max = (int)number_option(argc, argv, "--bytes", 8 << 20);
    int64_t budget = (int64_t)(number_option(argc, argv, "--seconds", 5) * 1e9);
    int fd = connect_to((int)number_option(argc, argv, "--port", 0));
    // One batch more than asked for may come.
    size_t capacity = (size_t)bytes_max + (2 << 20);
    uint8_t *answer = malloc(capacity);
    uint8_t frame[SMALL_FRAME_BYTES];
    if (answer == NULL) {
        fail("malloc");
    }
    int64_t first = list_offset(fd, topic, -2);
    int64_t end = list_offset(fd, topic, -1);
    if (first >= end) {
        die("the topic is empty");
    }
    size_t length = fetch_frame(frame, topic, first, 500, bytes_max);
    int64_t offset = first;
    uint64_t bytes = 0, batches = 0, records = 0, requests = 0;
    int64_t cpu_start = cpu_ns();
    int64_t start = monotonic_ns();
    while (monotonic_ns() - start < budget) {
        set_fetch_offset(frame, length, offset);
        size_t answer_bytes = ask(fd, frame, frame + length, answer, capacity);
        const uint8_t *at = answer;
        size_t records_bytes = fetched(answer, answer_bytes, topic, &at);
        const uint8_t *records_end = at + records_bytes;
        int64_t batch_first = 0, batch_last = 0;
        while (next_batch(&at, records_end, &batch_first, &batch_last)) {
            if (batch_first != offset) {
                die("batches do not continue one another");
            }
            records += (uint64_t)(batch_last - batch_first + 1);
            offset = batch_last + 1;
            batches++;
        }
        bytes += answer_bytes + 4;
        requests++;
        if (offset >= end) {
            offset = first;
        } else if (records_bytes == 0) {
            die("a fetch below the end brought nothing");
        }
    }
    double seconds = (double)(monotonic_ns() - start) / 1e9;
    printf("{\"bytes\":%llu,\"requests\":%llu,\"batches\":%llu,\"records\":%llu,\"seconds\":%.3f,"
           "\"bytes_per_second\":%.0f,\"cpu_seconds\":%.3f}\n",
           (unsigned long long)bytes, (unsigned long long)requests, (unsigned long long)batches,
           (unsigned long long)records, seconds, (double)bytes / seconds, (double)(cpu_ns() - cpu_start) / 1e9);
    return 0;
}
