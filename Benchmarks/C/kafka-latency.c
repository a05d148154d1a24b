// From a record's departure at its producer to its arrival at a consumer that waits for it.
//
//     kafka-latency --port N [--topic NAME] [--rate R] [--count N]
//
// Creates the topic with one partition and sends --count (500) produce requests of one record with acks=all, --rate
// (100) per second, over one connection, while another one waits in a Fetch 11. Prints percentiles of the time until
// the record had arrived there, and until the producer had its answer. One thread does both.
#define _GNU_SOURCE
#include "kafka-batch.h"

#include <poll.h>

enum { ANSWER_BYTES = 1 << 20, VALUE_BYTES = 72 };

static const char *topic;
static int64_t *departures, *arrivals, *answers;
static int64_t sent, delivered, answered;

static void take_fetched(int fd, uint8_t *frame, size_t frame_length) {
    static uint8_t answer[ANSWER_BYTES];
    receive_all(fd, answer, 4);
    int32_t length = get32(answer);
    if (length < 4 || length > ANSWER_BYTES) {
        die("an answer is longer than expected");
    }
    receive_all(fd, answer, (size_t)length);
    int64_t now = monotonic_ns(), first = 0, last = 0;
    const uint8_t *at;
    size_t bytes = fetched(answer, (size_t)length, topic, &at);
    const uint8_t *end = at + bytes;
    while (next_batch(&at, end, &first, &last)) {
        if (first != delivered || last >= sent) {
            die("an offset was delivered that was not expected");
        }
        for (; delivered <= last; delivered++) {
            arrivals[delivered] = now - departures[delivered];
        }
    }
    set_fetch_offset(frame, frame_length, delivered);
    send_all(fd, frame, frame_length);
}

static void take_produced(int fd) {
    if (produced(fd, topic) != answered) {
        die("a record got an offset that was not expected");
    }
    answers[answered] = monotonic_ns() - departures[answered];
    answered++;
}

int main(int argc, char **argv) {
    topic = topic_option(argc, argv);
    int port = (int)number_option(argc, argv, "--port", 0);
    int64_t count = (int64_t)number_option(argc, argv, "--count", 500);
    double interval = 1e9 / number_option(argc, argv, "--rate", 100);
    uint8_t batch[SMALL_FRAME_BYTES], request[2 * SMALL_FRAME_BYTES], frame[SMALL_FRAME_BYTES];
    departures = calloc((size_t)count, sizeof(*departures));
    arrivals = calloc((size_t)count, sizeof(*arrivals));
    answers = calloc((size_t)count, sizeof(*answers));
    if (count < 1 || departures == NULL || arrivals == NULL || answers == NULL) {
        fail("--count");
    }
    prepare_crc32c();
    struct pollfd states[2] = {{.fd = connect_to(port), .events = POLLIN}, {.fd = connect_to(port), .events = POLLIN}};
    int producer = states[0].fd, consumer = states[1].fd;
    create_topic(producer, topic);
    size_t frame_length = fetch_frame(frame, topic, 0, 500, 1 << 19);
    send_all(consumer, frame, frame_length);
    int64_t start = monotonic_ns();
    int64_t end = start + (int64_t)(interval * (double)count) + 20000000000;
    while (delivered < count || answered < count) {
        int64_t now = monotonic_ns();
        int64_t due = sent < count ? start + (int64_t)(interval * (double)sent) : end;
        if (now >= end) {
            die("records did not arrive within 20 seconds");
        }
        if (now >= due) {
            size_t length = produce_frame(request, topic, batch, put_batch(batch, 1, VALUE_BYTES));
            departures[sent++] = monotonic_ns();
            send_all(producer, request, length);
            continue;
        }
        struct timespec left = {.tv_sec = (due - now) / 1000000000, .tv_nsec = (due - now) % 1000000000};
        if (ppoll(states, 2, &left, NULL) < 0 && errno != EINTR) {
            fail("poll");
        }
        if (states[1].revents != 0) {
            take_fetched(consumer, frame, frame_length);
        }
        if (states[0].revents != 0) {
            take_produced(producer);
        }
        states[0].revents = states[1].revents = 0;
    }
    qsort(arrivals, (size_t)count, sizeof(*arrivals), compare_times);
    qsort(answers, (size_t)count, sizeof(*answers), compare_times);
    printf("{\"records\":%lld,\"p50_us\":%.1f,\"p99_us\":%.1f,\"answer_p50_us\":%.1f,\"answer_p99_us\":%.1f}\n",
           (long long)count, percentile_us(arrivals, (size_t)count, 0.5), percentile_us(arrivals, (size_t)count, 0.99),
           percentile_us(answers, (size_t)count, 0.5), percentile_us(answers, (size_t)count, 0.99));
    return 0;
}
