// CRC-32C, which record batches carry, as fast as the processor has it.
#ifndef FOREBAY_BENCH_CRC32C_H
#define FOREBAY_BENCH_CRC32C_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t crc32c_table[256];

static inline void prepare_crc32c_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++) {
            value = (value >> 1) ^ (value & 1 ? 0x82F63B78u : 0);
        }
        crc32c_table[i] = value;
    }
}

static inline uint32_t crc32c_software(uint32_t crc, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        crc = crc32c_table[(crc ^ bytes[i]) & 0xFF] ^ (crc >> 8);
    }
    return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
__attribute__((target("sse4.2"))) static inline uint32_t
crc32c_hardware(uint32_t crc, const uint8_t *bytes, size_t length) {
    uint64_t wide = crc;
    for (; length >= 8; bytes += 8, length -= 8) {
        uint64_t word;
        memcpy(&word, bytes, sizeof(word));
        wide = _mm_crc32_u64(wide, word);
    }
    crc = (uint32_t)wide;
    for (; length > 0; bytes++, length--) {
        crc = _mm_crc32_u8(crc, *bytes);
    }
    return crc;
}
#endif

static inline uint32_t crc32c(const uint8_t *bytes, size_t length) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_hardware(0xFFFFFFFFu, bytes, length);
    }
#endif
    return ~crc32c_software(0xFFFFFFFFu, bytes, length);
}

// To be called before the first checksum; ends the program where the checksum is not what it must be.
static inline void prepare_crc32c(void) {
    prepare_crc32c_table();
    if (crc32c((const uint8_t *)"123456789", 9) != 0xE3069283u) {
        fprintf(stderr, "the checksum is wrong\n");
        exit(70);
    }
}

#endif
