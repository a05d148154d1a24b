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

__attribute__((target("sse4.2"))) static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    uint64_t state = (uint32_t)~crc;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = _mm_crc32_u64(state, word);
        at += 8;
        count -= 8;
    }
    while (count-- > 0) {
        state = _mm_crc32_u8((uint32_t)state, *at++);
    }
    return ~(uint32_t)state;
}

static int has_instruction(void) {
    return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>

#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif

__attribute__((target("+crc"))) static uint32_t with_instruction(uint32_t crc, const void *bytes, size_t count) {
    const uint8_t *at = bytes;
    crc = ~crc;
    while (count >= 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        crc = __crc32cd(crc, word);
        at += 8;
        count -= 8;
    }
    while (count-- > 0) {
        crc = __crc32cb(crc, *at++);
    }
    return ~crc;
}

static int has_instruction(void) {
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
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
