// What the C programs that speak the Kafka protocol share: big-endian fields, frames, connections, three requests.
//
// A frame is a length of 4 bytes and so many bytes. A request begins with its key (2), version (2), correlation id (4)
// and client id (length 2, bytes); a response with the correlation id. Strings have a length of 2, arrays a count of 4.
#ifndef FOREBAY_BENCH_KAFKA_H
#define FOREBAY_BENCH_KAFKA_H

#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PRODUCE = 0,
    FETCH = 1,
    LIST_OFFSETS = 2,
    METADATA = 3,
    API_VERSIONS = 18,
    CREATE_TOPICS = 19,
    DELETE_TOPICS = 20,
};
enum { BATCH_HEADER_BYTES = 61, BATCH_LENGTH_AT = 8, LAST_OFFSET_DELTA_AT = 23, SMALL_FRAME_BYTES = 1024 };

static inline void die(const char *what) {
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static inline uint8_t *put16(uint8_t *at, int value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static inline uint8_t *put32(uint8_t *at, int64_t value) {
    return put16(put16(at, (int)(value >> 16)), (int)value);
}

static inline uint8_t *put64(uint8_t *at, int64_t value) {
    return put32(put32(at, value >> 32), value);
}

static inline uint8_t *put_text(uint8_t *at, const char *text) {
    size_t length = strlen(text);
    memcpy(put16(at, (int)length), text, length);
    return at + 2 + length;
}

static inline int get16(const uint8_t *at) {
    return (int16_t)(at[0] << 8 | at[1]);
}

static inline int32_t get32(const uint8_t *at) {
    return (int32_t)((uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]);
}

static inline int64_t get64(const uint8_t *at) {
    return (int64_t)((uint64_t)(uint32_t)get32(at) << 32 | (uint32_t)get32(at + 4));
}

// The topic of the command line. Its name and the frames around it fit into SMALL_FRAME_BYTES.
static inline const char *topic_option(int argc, char **argv) {
    const char *topic = text_option(argc, argv, "--topic", "bench");
    if (strlen(topic) > 249) {
        die("--topic is too long");
    }
    return topic;
}

// A connection to `port` on loopback, which may come up within 10 seconds.
static inline int connect_to(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)port);
    for (int attempt = 0; attempt < 200; attempt++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        int on = 1;
        if (fd < 0) {
            fail("socket");
        }
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
            return fd;
        }
        close(fd);
        sleep_until(monotonic_ns() + 50000000);
    }
    fail("connect");
    return -1;
}

static inline void send_all(int fd, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            fail("send");
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

static inline void receive_all(int fd, uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t received = recv(fd, bytes, length, 0);
        if (received <= 0) {
            if (received == 0) {
                errno = ECONNRESET;
            }
            fail("receive");
        }
        bytes += received;
        length -= (size_t)received;
    }
}

// Begins a request's frame; returns where its body goes. `finish_request` fills in the length.
static inline uint8_t *begin_request(uint8_t *frame, int key, int version) {
    uint8_t *at = put16(put16(frame + 4, key), version);
    return put_text(put32(at, 0), "bench");
}

static inline size_t finish_request(uint8_t *frame, const uint8_t *end) {
    put32(frame, end - frame - 4);
    return (size_t)(end - frame);
}

// Sends the frame that ends at `end` and receives the answer into `answer`: its length, without those 4 bytes.
static inline size_t ask(int fd, uint8_t *frame, const uint8_t *end, uint8_t *answer, size_t capacity) {
    send_all(fd, frame, finish_request(frame, end));
    uint8_t length[4];
    receive_all(fd, length, sizeof(length));
    if (get32(length) < 4 || (size_t)get32(length) > capacity) {
        die("an answer is longer than expected");
    }
    receive_all(fd, answer, (size_t)get32(length));
    return (size_t)get32(length);
}

// The first offset (`time` -2) or the end offset (-1) of partition 0; ListOffsets 2.
static inline int64_t list_offset(int fd, const char *topic, int time) {
    uint8_t frame[SMALL_FRAME_BYTES], answer[SMALL_FRAME_BYTES];
    uint8_t *at = put32(begin_request(frame, LIST_OFFSETS, 2), -1);
    *at++ = 0;
    at = put32(put32(put_text(put32(at, 1), topic), 1), 0);
    ask(fd, frame, put64(at, time), answer, sizeof(answer));
    // Correlation id, throttle time, topics, name, partitions, index; then error 2, timestamp 8, offset 8.
    const uint8_t *partition = answer + 4 + 4 + 4 + 2 + strlen(topic) + 4 + 4;
    if (get16(partition) != 0) {
        die("ListOffsets was refused");
    }
    return get64(partition + 10);
}

// The frame of a Fetch 11 of partition 0, at most `bytes_max` of records; returns its length. The offset can be changed
// later with `set_fetch_offset`.
static inline size_t fetch_frame(uint8_t *frame, const char *topic, int64_t offset, int wait_ms, int bytes_max) {
    uint8_t *at = begin_request(frame, FETCH, 11);
    at = put32(put32(put32(put32(at, -1), wait_ms), 1), bytes_max);
    *at++ = 0;                       // isolation level
    at = put32(put32(at, 0), -1);    // no session
    at = put32(put_text(put32(at, 1), topic), 1);
    at = put64(put64(put32(put32(at, 0), -1), offset), -1);
    at = put32(put32(at, bytes_max), 0);
    return finish_request(frame, put16(at, 0));
}

static inline void set_fetch_offset(uint8_t *frame, size_t length, int64_t offset) {
    // From the end: rack 2, forgotten topics 4, partition's maximum 4, log start offset 8, offset 8.
    put64(frame + length - 26, offset);
}

// The records in the answer to a Fetch 11: `*records` is where they begin, the result how many bytes they are.
static inline size_t fetched(const uint8_t *answer, size_t length, const char *topic, const uint8_t **records) {
    // Correlation id, throttle time, error 2, session, topics, name, partitions, index; then error 2, high watermark 8,
    // last stable offset 8, log start offset 8, aborted transactions 4, preferred replica 4, length of the records 4.
    size_t head = 4 + 4 + 2 + 4 + 4 + 2 + strlen(topic) + 4 + 4;
    const uint8_t *partition = answer + head;
    if (length < head + 38 || get16(answer + 8) != 0 || get16(partition) != 0) {
        die("Fetch was refused");
    }
    if (get32(partition + 26) > 0) {
        die("there are aborted transactions");
    }
    int32_t bytes = get32(partition + 34);
    *records = partition + 38;
    if (bytes > 0 && (size_t)bytes > length - head - 38) {
        die("the records are longer than their answer");
    }
    return bytes < 0 ? 0 : (size_t)bytes;
}

// The batch at `*at`: sets its first and last offset and goes on to the next one. 0 where no whole batch is left.
static inline int next_batch(const uint8_t **at, const uint8_t *end, int64_t *first, int64_t *last) {
    if (end - *at < BATCH_HEADER_BYTES) {
        return 0;
    }
    int32_t length = get32(*at + BATCH_LENGTH_AT);
    if (length < BATCH_HEADER_BYTES - 12 || end - *at - 12 < length) {
        return 0;
    }
    *first = get64(*at);
    *last = *first + get32(*at + LAST_OFFSET_DELTA_AT);
    *at += 12 + length;
    return 1;
}

#endif
