// Produces the same batch again and again with acks=all, several requests in flight, and nothing else.
//
//     kafka-produce --port N [--topic NAME] [--records N] [--value-bytes N] [--count N] [--window N] [--delete]
//
// Creates the topic with one partition, sends --count (2000) requests of one batch of --records (500) records with a
// key of 6 and --value-bytes (72) of value, of which --window (5) are not answered yet, and waits for the last answer.
// --delete removes the topic afterwards. Prints records per second, from the first request to the last answer.
#define _GNU_SOURCE
#include "kafka-batch.h"

int main(int argc, char **argv) {
    const char *topic = topic_option(argc, argv);
    int records = (int)number_option(argc, argv, "--records", 500);
    int value_bytes = (int)number_option(argc, argv, "--value-bytes", 72);
    int64_t count = (int64_t)number_option(argc, argv, "--count", 2000);
    int64_t window = (int64_t)number_option(argc, argv, "--window", 5);
    if (records < 1 || value_bytes < 0 || count < 1 || window < 1) {
        die("a number is out of range");
    }
    int fd = connect_to((int)number_option(argc, argv, "--port", 0));
    size_t capacity = batch_capacity(records, value_bytes);
    uint8_t *batch = malloc(capacity);
    uint8_t *frame = malloc(capacity + SMALL_FRAME_BYTES);
    if (batch == NULL || frame == NULL) {
        fail("malloc");
    }
    prepare_crc32c();
    create_topic(fd, topic);
    size_t batch_bytes = put_batch(batch, records, value_bytes);
    size_t length = produce_frame(frame, topic, batch, batch_bytes);
    int64_t sent = 0, answered = 0, end = 0;
    int64_t cpu_start = cpu_ns();
    int64_t start = monotonic_ns();
    while (answered < count) {
        for (; sent < count && sent - answered < window; sent++) {
            send_all(fd, frame, length);
        }
        end = produced(fd, topic) + records;
        answered++;
    }
    double seconds = (double)(monotonic_ns() - start) / 1e9;
    int64_t cpu = cpu_ns() - cpu_start;
    if (end != count * records) {
        die("the offsets are not those of all records");
    }
    if (has_flag(argc, argv, "--delete")) {
        delete_topic(fd, topic);
    }
    printf("{\"records\":%lld,\"batch_bytes\":%zu,\"seconds\":%.6f,\"rate\":%.0f,\"cpu_ns_per_record\":%.1f}\n",
           (long long)(count * records), batch_bytes, seconds, (double)(count * records) / seconds,
           (double)cpu / (double)(count * records));
    return 0;
}
