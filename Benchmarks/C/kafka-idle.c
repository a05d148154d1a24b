// Consumers at the end of a log to which nothing comes: each waits in a fetch, and fetches again.
//
//     kafka-idle --port N [--topic NAME] [--connections N] [--wait-ms N] [--seconds N]
//
// --connections (1000) connections, each with a Fetch 11 of partition 0 at the end of the log that waits --wait-ms
// (500), their first fetches spread over that time or one second, whichever is shorter. Prints {"waiting":N} once all
// wait, and --seconds (10) later how many answers came meanwhile.
#define _GNU_SOURCE
#include "kafka.h"

#include <sys/epoll.h>

enum { EVENTS = 64, CONNECTIONS_MAX = 2000 };

static uint8_t frame[SMALL_FRAME_BYTES];
static size_t frame_length;
static int poller;
static uint64_t answers;

// Takes the answers that came within `until`, a time of the monotonic clock, and fetches again.
static void serve_until(const char *topic, int64_t until) {
    for (;;) {
        int64_t left = until - monotonic_ns();
        if (left <= 0) {
            return;
        }
        struct epoll_event events[EVENTS];
        int count = epoll_wait(poller, events, EVENTS, (int)((left + 999999) / 1000000));
        if (count < 0 && errno != EINTR) {
            fail("epoll_wait");
        }
        for (int i = 0; i < count; i++) {
            uint8_t answer[SMALL_FRAME_BYTES];
            const uint8_t *records;
            // An empty answer is a hundred bytes or so, sent at once.
            receive_all(events[i].data.fd, answer, 4);
            int32_t length = get32(answer);
            if (length < 4 || (size_t)length > sizeof(answer)) {
                die("an answer at the end of the log is not empty");
            }
            receive_all(events[i].data.fd, answer, (size_t)length);
            if (fetched(answer, (size_t)length, topic, &records) != 0) {
                die("an answer at the end of the log is not empty");
            }
            send_all(events[i].data.fd, frame, frame_length);
            answers++;
        }
    }
}

int main(int argc, char **argv) {
    const char *topic = topic_option(argc, argv);
    int port = (int)number_option(argc, argv, "--port", 0);
    int connections = (int)number_option(argc, argv, "--connections", 1000);
    int wait_ms = (int)number_option(argc, argv, "--wait-ms", 500);
    int64_t spread = (int64_t)(wait_ms < 1000 ? wait_ms : 1000) * 1000000;
    if (connections < 1 || connections > CONNECTIONS_MAX) {
        die("--connections is out of range");
    }
    int first = connect_to(port);
    frame_length = fetch_frame(frame, topic, list_offset(first, topic, -1), wait_ms, 1 << 20);
    close(first);
    poller = epoll_create1(0);
    int *fds = malloc((size_t)connections * sizeof(*fds));
    if (poller < 0 || fds == NULL) {
        fail("epoll_create1");
    }
    for (int i = 0; i < connections; i++) {
        fds[i] = connect_to(port);
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        if (epoll_ctl(poller, EPOLL_CTL_ADD, fds[i], &event) < 0) {
            fail("epoll_ctl");
        }
    }
    int64_t start = monotonic_ns();
    for (int i = 0; i < connections; i++) {
        serve_until(topic, start + spread * i / connections);
        send_all(fds[i], frame, frame_length);
    }
    printf("{\"waiting\":%d}\n", connections);
    fflush(stdout);
    answers = 0;
    start = monotonic_ns();
    serve_until(topic, start + (int64_t)(number_option(argc, argv, "--seconds", 10) * 1e9));
    printf("{\"answers\":%llu,\"seconds\":%.3f}\n", (unsigned long long)answers,
           (double)(monotonic_ns() - start) / 1e9);
    return 0;
}
