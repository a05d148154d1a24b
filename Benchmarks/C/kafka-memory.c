// Serves one topic to Kafka consumers from memory: the least that answering fetches costs on this machine.
//
//     kafka-memory --directory DIR [--topic NAME]
//
// Loads the segments (*.log) of the partition's directory and prints {"port":N,"bytes":N,"end":N} once it listens on a
// loopback port of its own. Answers ApiVersions 3, Metadata 4, ListOffsets 2 and Fetch 11 of partition 0, each
// connection in a thread of its own, until it is ended. Whatever else a client asks closes its connection.
#define _GNU_SOURCE
#include "kafka.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum { STACK_BYTES = 64 << 10, LISTEN_BACKLOG = 2048, SEGMENTS_MAX = 1024 };

struct batch {
    int64_t last;
    size_t begin;
};

static const char *topic;
static uint8_t *log_bytes;
static size_t log_length;
// One more than there are batches: the last one begins where the log ends.
static struct batch *batches;
static size_t batch_count;
static int64_t start_offset, end_offset;
static int port;

static int is_segment(const struct dirent *entry) {
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".log") == 0;
}

// Appends the file to what is in memory.
static void load_segment(const char *path) {
    struct stat state;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &state) < 0) {
        fail(path);
    }
    log_bytes = realloc(log_bytes, log_length + (size_t)state.st_size);
    if (log_bytes == NULL && state.st_size > 0) {
        fail("realloc");
    }
    for (off_t done = 0; done < state.st_size;) {
        ssize_t count = read(fd, log_bytes + log_length, (size_t)(state.st_size - done));
        if (count <= 0) {
            fail(path);
        }
        done += count;
        log_length += (size_t)count;
    }
    close(fd);
}

static void index_batches(void) {
    const uint8_t *at = log_bytes;
    const uint8_t *end = log_bytes + log_length;
    int64_t first = 0, last = 0;
    size_t capacity = log_length / BATCH_HEADER_BYTES + 1;
    batches = malloc(capacity * sizeof(*batches));
    if (batches == NULL) {
        fail("malloc");
    }
    for (;;) {
        size_t begin = (size_t)(at - log_bytes);
        batches[batch_count].begin = begin;
        if (!next_batch(&at, end, &first, &last)) {
            break;
        }
        start_offset = batch_count == 0 ? first : start_offset;
        batches[batch_count++].last = last;
        end_offset = last + 1;
    }
    if (at != end) {
        die("a segment does not end with a whole batch");
    }
}

static void load(const char *directory) {
    struct dirent **names;
    int count = scandir(directory, &names, is_segment, alphasort);
    if (count < 0 || count > SEGMENTS_MAX) {
        fail(directory);
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
        load_segment(path);
        free(names[i]);
    }
    free(names);
    index_batches();
}

// The number of the batch that holds `offset`, which is below the end.
static size_t find_batch(int64_t offset) {
    size_t low = 0, high = batch_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (batches[middle].last < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// Whole batches from `offset` on, `bytes_max` at most but for the first.
static struct iovec records_from(int64_t offset, size_t bytes_max) {
    if (offset >= end_offset) {
        return (struct iovec){0};
    }
    size_t first = find_batch(offset);
    size_t begin = batches[first].begin;
    size_t low = first + 1, high = batch_count;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (batches[middle].begin - begin <= bytes_max) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return (struct iovec){.iov_base = log_bytes + begin, .iov_len = batches[low].begin - begin};
}

static uint8_t *put_versions(uint8_t *at, int key, int low, int high) {
    at = put16(put16(put16(at, key), low), high);
    *at++ = 0;
    return at;
}

// Versions that make a client fetch batches of version 2; those below the ones that are served are never asked for.
static uint8_t *answer_versions(uint8_t *at) {
    at = put16(at, 0);
    *at++ = 6;    // one more than there are
    at = put_versions(at, PRODUCE, 0, 7);
    at = put_versions(at, FETCH, 4, 11);
    at = put_versions(at, LIST_OFFSETS, 1, 2);
    at = put_versions(at, METADATA, 0, 4);
    at = put_versions(at, API_VERSIONS, 0, 3);
    at = put32(at, 0);
    *at++ = 0;
    return at;
}

// This broker, and the topic with its one partition.
static uint8_t *answer_metadata(uint8_t *at) {
    at = put32(put32(put32(at, 0), 1), 0);
    at = put16(put32(put_text(at, "127.0.0.1"), port), -1);
    at = put32(put32(put16(at, -1), 0), 1);
    at = put_text(put16(at, 0), topic);
    *at++ = 0;
    at = put32(put32(put16(put32(at, 1), 0), 0), 0);
    return put32(put32(put32(put32(at, 1), 0), 1), 0);
}

static uint8_t *put_partition_head(uint8_t *at) {
    return put16(put32(put32(put_text(put32(at, 1), topic), 1), 0), 0);
}

// Whether the topic's name stands at `at`; whatever else stands there is not served.
static int is_topic(const uint8_t *at) {
    return (size_t)get16(at) == strlen(topic) && memcmp(at + 2, topic, strlen(topic)) == 0;
}

// `body`: replica, isolation level, one topic with one partition, its index and the time. NULL where there is no
// answer.
static uint8_t *answer_offsets(uint8_t *at, const uint8_t *body) {
    if (!is_topic(body + 9)) {
        return NULL;
    }
    int64_t time = get64(body + 9 + 2 + strlen(topic) + 4 + 4);
    at = put64(put_partition_head(put32(at, 0)), -1);
    return put64(at, time == -2 ? start_offset : end_offset);
}

// `body` as in `fetch_frame`; waits at the end of the log as long as the client lets it. NULL where there is no
// answer.
static uint8_t *answer_fetch(int fd, uint8_t *at, const uint8_t *body, struct iovec *records) {
    int wait_ms = get32(body + 4);
    at = put32(put16(put32(at, 0), 0), 0);
    if (get32(body + 25) == 0) {
        return put32(at, 0);
    }
    if (!is_topic(body + 29)) {
        return NULL;
    }
    const uint8_t *partition = body + 29 + 2 + strlen(topic) + 4;
    int64_t bytes_max = get32(partition + 24);
    bytes_max = get32(body + 12) < bytes_max ? get32(body + 12) : bytes_max;
    *records = records_from(get64(partition + 8), (size_t)bytes_max);
    if (records->iov_len == 0) {
        struct pollfd state = {.fd = fd, .events = POLLIN};
        poll(&state, 1, wait_ms);
    }
    at = put64(put64(put64(put_partition_head(at), end_offset), end_offset), start_offset);
    return put32(put32(put32(at, -1), -1), (int64_t)records->iov_len);
}

static int send_parts(int fd, struct iovec *parts) {
    while (parts[0].iov_len + parts[1].iov_len > 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
        ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (sent <= 0) {
            return 0;
        }
        for (int i = 0; i < 2; i++) {
            size_t gone = (size_t)sent < parts[i].iov_len ? (size_t)sent : parts[i].iov_len;
            parts[i].iov_base = (uint8_t *)parts[i].iov_base + gone;
            parts[i].iov_len -= gone;
            sent -= (ssize_t)gone;
        }
    }
    return 1;
}

// Answers one request; 0 where the connection is to be closed. `frame` is what follows the length, and zeros behind it.
static int answer(int fd, const uint8_t *frame) {
    uint8_t head[SMALL_FRAME_BYTES];
    struct iovec records = {0};
    int client_bytes = get16(frame + 8) < 0 ? 0 : get16(frame + 8);
    if (client_bytes > SMALL_FRAME_BYTES / 2) {
        return 0;
    }
    const uint8_t *body = frame + 10 + client_bytes;
    uint8_t *at = put32(head + 4, get32(frame + 4));
    int what = get16(frame) << 8 | get16(frame + 2);
    switch (what) {
    case API_VERSIONS << 8 | 3: at = answer_versions(at); break;
    case METADATA << 8 | 4: at = answer_metadata(at); break;
    case LIST_OFFSETS << 8 | 2: at = answer_offsets(at, body); break;
    case FETCH << 8 | 11: at = answer_fetch(fd, at, body, &records); break;
    default: at = NULL;
    }
    if (at == NULL) {
        return 0;
    }
    put32(head, at - head - 4 + (int64_t)records.iov_len);
    struct iovec parts[2] = {{.iov_base = head, .iov_len = (size_t)(at - head)}, records};
    return send_parts(fd, parts);
}

static void *serve(void *argument) {
    int fd = (int)(intptr_t)argument;
    // Client id and name are bounded where they are read, so that no look goes beyond this, whatever the length says.
    uint8_t frame[2 * SMALL_FRAME_BYTES];
    uint8_t length[4];
    while (recv(fd, length, sizeof(length), MSG_WAITALL) == sizeof(length)) {
        int32_t count = get32(length);
        memset(frame, 0, sizeof(frame));
        if (count < 10 || count > SMALL_FRAME_BYTES || recv(fd, frame, (size_t)count, MSG_WAITALL) != count ||
            !answer(fd, frame)) {
            break;
        }
    }
    close(fd);
    return NULL;
}

int main(int argc, char **argv) {
    topic = topic_option(argc, argv);
    load(text_option(argc, argv, "--directory", "."));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    pthread_attr_t attributes;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, LISTEN_BACKLOG) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0) {
        fail("listen");
    }
    port = ntohs(address.sin_port);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    printf("{\"port\":%d,\"bytes\":%zu,\"end\":%lld}\n", port, log_length, (long long)end_offset);
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int on = 1;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            fail("accept");
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if (pthread_create(&thread, &attributes, serve, (void *)(intptr_t)fd) != 0) {
            die("cannot start a thread");
        }
    }
}
