// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as RFC 3720 and Kafka's record batches use it.
#include "cplatform.h"

#include <pthread.h>
#include <string.h>

static uint32_t tables[8][256];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void make_tables(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        }
        tables[0][n] = crc;
    }
    for (uint32_t n = 0; n < 256; n++) {
        for (int slice = 1; slice < 8; slice++) {
            uint32_t previous = tables[slice - 1][n];
            tables[slice][n] = (previous >> 8) ^ tables[0][previous & 0xFF];
        }
    }
}

uint32_t forebay_crc32c_portable(uint32_t crc, const void *bytes, size_t count) {
    pthread_once(&tables_once, make_tables);
    const uint8_t *at = bytes;
    crc = ~crc;
    while (count >= 8) {
        uint32_t low = crc ^ ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
        crc = tables[7][low & 0xFF] ^ tables[6][(low >> 8) & 0xFF] ^ tables[5][(low >> 16) & 0xFF] ^
              tables[4][low >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^ tables[0][at[7]];
        at += 8;
        count -= 8;
    }
    while (count-- > 0) {
        crc = (crc >> 8) ^ tables[0][(crc ^ *at++) & 0xFF];
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define HAS_INSTRUCTION 1
#define WITH_INSTRUCTION __attribute__((target("sse4.2")))
#define CRC_OF_8(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define CRC_OF_1(crc, byte) _mm_crc32_u8(crc, byte)

static int has_instruction(void) {
    return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>

#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif

#define HAS_INSTRUCTION 1
#define WITH_INSTRUCTION __attribute__((target("+crc")))
#define CRC_OF_8(crc, word) __crc32cd(crc, word)
#define CRC_OF_1(crc, byte) __crc32cb(crc, byte)

static int has_instruction(void) {
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#endif

#ifdef HAS_INSTRUCTION
// The instruction takes three cycles and one can begin in each, so that three lanes side by side take the time of one.
// Their checksums are put together by Mark Adler's method: that of a lane moved over the bytes of the next one.
enum { LANE_BYTES = 1024 };

// lane_shift[n][b]: what a checksum with byte n = b, and else 0, becomes after LANE_BYTES bytes of zero.
static uint32_t lane_shift[4][256];
static pthread_once_t lane_shift_once = PTHREAD_ONCE_INIT;

static void make_lane_shift(void) {
    pthread_once(&tables_once, make_tables);
    uint32_t of_bit[32];
    for (int bit = 0; bit < 32; bit++) {
        uint32_t crc = (uint32_t)1 << bit;
        for (int count = 0; count < LANE_BYTES; count++) {
            crc = (crc >> 8) ^ tables[0][crc & 0xFF];
        }
        of_bit[bit] = crc;
    }
    for (int place = 0; place < 4; place++) {
        for (uint32_t value = 0; value < 256; value++) {
            uint32_t crc = 0;
            for (int bit = 0; bit < 8; bit++) {
                crc ^= (value >> bit & 1) != 0 ? of_bit[place * 8 + bit] : 0;
            }
            lane_shift[place][value] = crc;
        }
    }
}

static uint32_t shifted(uint32_t crc) {
    return lane_shift[0][crc & 0xFF] ^ lane_shift[1][crc >> 8 & 0xFF] ^ lane_shift[2][crc >> 16 & 0xFF] ^
           lane_shift[3][crc >> 24];
}

static uint64_t word_at(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

WITH_INSTRUCTION static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint32_t first = ~crc;
    if (count >= 3 * LANE_BYTES) {
        pthread_once(&lane_shift_once, make_lane_shift);
    }
    while (count >= 3 * LANE_BYTES) {
        uint32_t second = 0;
        uint32_t third = 0;
        for (const uint8_t *end = at + LANE_BYTES; at < end; at += 8) {
            first = CRC_OF_8(first, word_at(at));
            second = CRC_OF_8(second, word_at(at + LANE_BYTES));
            third = CRC_OF_8(third, word_at(at + 2 * LANE_BYTES));
        }
        first = shifted(shifted(first) ^ second) ^ third;
        at += 2 * LANE_BYTES;
        count -= 3 * LANE_BYTES;
    }
    for (; count >= 8; at += 8, count -= 8) {
        first = CRC_OF_8(first, word_at(at));
    }
    while (count-- > 0) {
        first = CRC_OF_1(first, *at++);
    }
    return ~first;
}
#else
static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t count) {
    return forebay_crc32c_portable(crc, bytes, count);
}

static int has_instruction(void) {
    return 0;
}
#endif

uint32_t forebay_crc32c(uint32_t crc, const void *bytes, size_t count) {
    // Asked once; a data race here could only write the same answer twice.
    static int known = -1;
    int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (answer < 0) {
        answer = has_instruction();
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer ? with_instruction(crc, bytes, count) : forebay_crc32c_portable(crc, bytes, count);
}
