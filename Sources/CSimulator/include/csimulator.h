// C shims of forebay-sim: calls that Glibc hides behind _GNU_SOURCE, tty settings, and a signal flag.
//
// Every function that can fail returns -errno; none keeps a pointer after it returned.
#ifndef FOREBAY_CSIMULATOR_H
#define FOREBAY_CSIMULATOR_H

#include <stddef.h>
#include <stdint.h>

// The most datagrams that one call of sim_send_datagrams hands over, and the most segments of one train.
#define SIM_DATAGRAMS_MAX 64

// Sends `count` datagrams (1 to SIM_DATAGRAMS_MAX) on a connected socket. Datagram i is the bytes from ends[i-1]
// (0 for the first) to ends[i] of `bytes`. Returns how many the kernel took, at least 1, or -errno. sendmmsg(2).
int sim_send_datagrams(int fd, const uint8_t *bytes, const uint32_t *ends, int count);

// Sends `length` bytes as one train of datagrams of `segment` bytes each, the last one perhaps shorter.
// Returns 0 or -errno. udp(7), UDP_SEGMENT.
int sim_send_train(int fd, const uint8_t *bytes, size_t length, uint16_t segment);

// Resolves `host` (name or literal, IPv4 or IPv6) and `port`, and returns a connected UDP socket with a large send
// buffer, or -errno (-ENXIO where the name does not resolve).
int sim_connect_datagram_socket(const char *host, uint16_t port);

// Sets a tty, or the far end of a pty master, to raw 8N1 at any baud rate. Returns 0 or -errno. ioctl_tty(2), TCSETS2.
int sim_set_raw(int fd, uint32_t baud);

// Opens a pseudo-terminal master, non-blocking, and stores the path of its other end. Returns the descriptor or -errno.
int sim_open_pty(char *path, size_t capacity);

// Bytes that wait unread at the other end `fd` of a pty, or -errno. FIONREAD.
int sim_unread_bytes(int fd);

// From now on SIGTERM and SIGINT only raise a flag (and interrupt waiting system calls); SIGPIPE is ignored.
void sim_catch_stop_signals(void);

// 1 once SIGTERM or SIGINT has arrived.
int sim_stop_requested(void);

#endif
