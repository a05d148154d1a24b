// C shims for what Swift cannot say: calls hidden behind _GNU_SOURCE, CMSG macros, termios2, CRC instructions.
#ifndef FOREBAY_CPLATFORM_H
#define FOREBAY_CPLATFORM_H

// No system header with structures in here: seen with _GNU_SOURCE they differ from what Swift's Glibc module declares
// (fd_set), and both cannot be imported together. Each .c file defines _GNU_SOURCE for itself.
#include <stddef.h>
#include <stdint.h>

// 1 where adjtimex says that the clock is disciplined, else 0. No privilege is needed to ask.
int forebay_clock_is_synchronised(void);

// --- memory (memory.c) ---

// Gives memory that was freed back to the kernel where `least` bytes or more are resident that nobody uses: 1 where it did. Takes
// some milliseconds then, in which others wait to allocate.
int forebay_memory_give_back(size_t least);

// --- CRC-32C (crc32c.c) ---

// Extends `crc` (0 for a new one) over `count` bytes, with the processor's instruction where it has one (10 GB/s), else
// by tables. "123456789" gives 0xE3069283.
uint32_t forebay_crc32c(uint32_t crc, const void *bytes, size_t count);

// The same by tables alone (2 GB/s).
uint32_t forebay_crc32c_portable(uint32_t crc, const void *bytes, size_t count);

// --- threads (threads.c) ---

// Names the calling thread (at most 15 bytes); 0 or an errno.
int forebay_thread_set_name(const char *name);

// A non-blocking, close-on-exec eventfd with count 0, or -1 and errno.
int forebay_eventfd(void);

// Has a program that is spawned with `actions` (a posix_spawn_file_actions_t) begin without descriptors from `first` on. 0
// or an errno.
int forebay_spawn_close_from(void *actions, int first);

// A pipe whose two ends (to read from, to write to) no other program inherits. 0, or -1 and errno.
int forebay_pipe(int ends[2]);

// --- UDP (udp.c) ---

// Datagrams taken in at most by one call.
#define FOREBAY_UDP_SLOTS 256

// One received datagram. `bytes` stays valid until the next call of forebay_udp_receive.
struct forebay_datagram {
    const uint8_t *bytes;
    uint32_t length;
    // Interface of a link-local IPv6 sender, else 0.
    uint32_t scope;
    // Host byte order.
    uint16_t port;
    uint8_t is_ipv6;
    uint8_t truncated;
    // Network byte order; IPv4 in the first four bytes, the rest zero.
    uint8_t address[16];
};

struct forebay_udp_receiver;

// NULL without memory. Resident are about 0.5 MiB, and 64 KiB more for each slot that a long datagram fell into.
struct forebay_udp_receiver *forebay_udp_receiver_create(void);
void forebay_udp_receiver_destroy(struct forebay_udp_receiver *receiver);
// Takes in what is there without waiting: the number of datagrams, 0 where there is none, else a negative errno.
int forebay_udp_receive(struct forebay_udp_receiver *receiver, int descriptor);
// FOREBAY_UDP_SLOTS entries, of which the first ones as counted by the last forebay_udp_receive are valid.
const struct forebay_datagram *forebay_udp_datagrams(const struct forebay_udp_receiver *receiver);
// The newest SO_RXQ_OVFL count that came with a datagram (modulo 2^32); 0 as long as there was none.
int forebay_udp_noted_drops(const struct forebay_udp_receiver *receiver, uint32_t *drops);
// Forgets that count: the next datagrams come from another socket.
void forebay_udp_forget_drops(struct forebay_udp_receiver *receiver);
// The same count as it stands now (SO_MEMINFO): drops behind the last datagram are in it too. 0 or a negative errno.
int forebay_udp_socket_drops(int descriptor, uint32_t *drops);
// Gives the memory that long datagrams took back to the kernel. No datagram may be in use.
void forebay_udp_release_overflow(struct forebay_udp_receiver *receiver);
// Opens and binds a socket that does not block. `address` is a number, IPv4 or IPv6; `::` takes both families.
// A descriptor or a negative errno; -EINVAL where the address is none.
int forebay_udp_open(const char *address, uint16_t port, int receive_buffer);
// What the kernel granted, in its own accounting (twice what was asked for), or a negative errno.
int forebay_udp_granted_buffer(int descriptor);
int forebay_udp_bound_port(int descriptor);

// --- serial ports (serial.c) ---

struct forebay_serial_settings {
    uint32_t baud;
    // 5 to 8.
    uint8_t data_bits;
    // 'N'one, 'E'ven, 'O'dd, 'M'ark, 'S'pace.
    uint8_t parity;
    // 1 or 2.
    uint8_t stop_bits;
    // 'N'one, 'R'TS/CTS, 'X'ON/XOFF.
    uint8_t flow_control;
};

// What a UART's driver counted since it was loaded, modulo 2^32.
struct forebay_serial_errors {
    uint32_t frame;
    uint32_t parity;
    uint32_t overrun;
    uint32_t breaks;
};

// Opens a terminal for reading, without blocking, and exclusively. A descriptor or a negative errno.
int forebay_serial_open(const char *path);
// Raw mode with `wanted`, then what the driver made of it in `effective`. 0 or a negative errno.
int forebay_serial_configure(
    int descriptor, const struct forebay_serial_settings *wanted, struct forebay_serial_settings *effective
);
// 0 or a negative errno: ENOTTY where the driver counts nothing (pseudo-terminals).
int forebay_serial_errors(int descriptor, struct forebay_serial_errors *errors);

#endif
