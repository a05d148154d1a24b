// Record batches as a producer makes them, and topics of their own for them.
#ifndef FOREBAY_BENCH_KAFKA_BATCH_H
#define FOREBAY_BENCH_KAFKA_BATCH_H

#include "crc32c.h"
#include "kafka.h"

static inline uint8_t *put_varint(uint8_t *at, int32_t value) {
    uint32_t left = ((uint32_t)value << 1) ^ (uint32_t)(value >> 31);
    for (; left >= 0x80; left >>= 7) {
        *at++ = (uint8_t)(left | 0x80);
    }
    *at++ = (uint8_t)left;
    return at;
}

static inline int varint_bytes(int32_t value) {
    uint8_t scratch[5];
    return (int)(put_varint(scratch, value) - scratch);
}

enum { KEY_BYTES = 6 };

// The most that a batch takes: its header, and for each record key, value and at most 20 bytes around them.
static inline size_t batch_capacity(int records, int value_bytes) {
    return BATCH_HEADER_BYTES + (size_t)records * (size_t)(KEY_BYTES + value_bytes + 20);
}

// An uncompressed batch of equal records with a key of 6 bytes, all at this moment; returns its bytes.
static inline size_t put_batch(uint8_t *batch, int records, int value_bytes) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t time = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    uint8_t *at = batch + BATCH_HEADER_BYTES;
    for (int i = 0; i < records; i++) {
        int rest = 1 + 1 + varint_bytes(i) + 1 + KEY_BYTES + varint_bytes(value_bytes) + value_bytes + 1;
        at = put_varint(at, rest);
        *at++ = 0;    // attributes
        *at++ = 0;    // timestamp delta
        at = put_varint(put_varint(at, i), KEY_BYTES);
        memcpy(at, "sensor", KEY_BYTES);
        at = put_varint(at + KEY_BYTES, value_bytes);
        memset(at, 'r', (size_t)value_bytes);
        at += value_bytes;
        *at++ = 0;    // headers
    }
    size_t length = (size_t)(at - batch);
    put32(put64(batch, 0), (int64_t)length - 12);
    put32(batch + 12, 0);
    batch[16] = 2;
    uint8_t *field = put32(put16(batch + 21, 0), records - 1);
    field = put64(put64(put64(field, time), time), -1);
    put32(put32(put16(field, -1), -1), records);
    put32(batch + 17, crc32c(batch + 21, length - 21));
    return length;
}

// The frame of a Produce 7 with acks=all to partition 0; returns its length.
static inline size_t produce_frame(uint8_t *frame, const char *topic, const uint8_t *batch, size_t length) {
    uint8_t *at = put16(begin_request(frame, PRODUCE, 7), -1);
    at = put32(put16(at, -1), 30000);
    at = put32(put_text(put32(at, 1), topic), 1);
    at = put32(put32(at, 0), (int64_t)length);
    memcpy(at, batch, length);
    return finish_request(frame, at + length);
}

// Receives the answer to a Produce 7; the offset that the batch got. Ends the program where it was refused.
static inline int64_t produced(int fd, const char *topic) {
    uint8_t answer[SMALL_FRAME_BYTES];
    receive_all(fd, answer, 4);
    int32_t length = get32(answer);
    if (length < 4 || (size_t)length > sizeof(answer)) {
        die("an answer is longer than expected");
    }
    receive_all(fd, answer, (size_t)length);
    // Correlation id, topics, name, partitions, index; then error 2, offset 8.
    const uint8_t *partition = answer + 4 + 4 + 2 + strlen(topic) + 4 + 4;
    if (get16(partition) != 0) {
        fprintf(stderr, "Produce was refused with error %d\n", get16(partition));
        exit(1);
    }
    return get64(partition + 2);
}

// Creates the topic with one partition; CreateTopics 2.
static inline void create_topic(int fd, const char *topic) {
    uint8_t frame[SMALL_FRAME_BYTES], answer[SMALL_FRAME_BYTES];
    uint8_t *at = put_text(put32(begin_request(frame, CREATE_TOPICS, 2), 1), topic);
    at = put32(put32(put16(put32(at, 1), 1), 0), 0);
    at = put32(at, 30000);
    *at++ = 0;
    ask(fd, frame, at, answer, sizeof(answer));
    // Correlation id, throttle time, topics, name.
    int error = get16(answer + 4 + 4 + 4 + 2 + strlen(topic));
    if (error != 0) {
        fprintf(stderr, "CreateTopics was refused with error %d\n", error);
        exit(1);
    }
}

// Deletes the topic; DeleteTopics 1.
static inline void delete_topic(int fd, const char *topic) {
    uint8_t frame[SMALL_FRAME_BYTES], answer[SMALL_FRAME_BYTES];
    uint8_t *at = put_text(put32(begin_request(frame, DELETE_TOPICS, 1), 1), topic);
    ask(fd, frame, put32(at, 30000), answer, sizeof(answer));
    int error = get16(answer + 4 + 4 + 4 + 2 + strlen(topic));
    if (error != 0) {
        fprintf(stderr, "DeleteTopics was refused with error %d\n", error);
        exit(1);
    }
}

#endif
