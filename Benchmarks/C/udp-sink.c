// Receives datagrams and does nothing else: the least that receiving costs on this machine.
//
//     udp-sink [--idle SECONDS] [--total N] [--wait SECONDS]
//
// Prints {"port":N} once it listens on a loopback port of its own, and its figures when nothing came for --idle
// seconds (1) after the first datagram, or --total datagrams came, or none came within --wait seconds (30). CPU time
// counts from the first datagram on.
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

enum { SLOTS = 64, SLOT_BYTES = 2048, RECEIVE_BUFFER = 128 << 20 };

static char slots[SLOTS][SLOT_BYTES];
static char controls[SLOTS][64];
static struct mmsghdr messages[SLOTS];
static struct iovec parts[SLOTS];

static void set_timeout(int fd, double seconds) {
    struct timeval timeout = {.tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)((seconds - (time_t)seconds) * 1e6)};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

static int open_socket(int *granted) {
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int size = RECEIVE_BUFFER;
    int on = 1;
    if (fd < 0) {
        fail("socket");
    }
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    }
    setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
    socklen_t length = sizeof(*granted);
    getsockopt(fd, SOL_SOCKET, SO_RCVBUF, granted, &length);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fail("bind");
    }
    socklen_t address_length = sizeof(address);
    getsockname(fd, (struct sockaddr *)&address, &address_length);
    printf("{\"port\":%d}\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void prepare_slots(void) {
    for (int i = 0; i < SLOTS; i++) {
        parts[i].iov_base = slots[i];
        parts[i].iov_len = SLOT_BYTES;
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        messages[i].msg_hdr.msg_control = controls[i];
    }
}

// The kernel's drop counter, which comes with a datagram once something was dropped.
static uint32_t dropped_with(struct msghdr *message, uint32_t before) {
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&before, CMSG_DATA(c), sizeof(before));
        }
    }
    return before;
}

int main(int argc, char **argv) {
    double idle = number_option(argc, argv, "--idle", 1);
    uint64_t total = (uint64_t)number_option(argc, argv, "--total", 0);
    int granted = 0;
    int fd = open_socket(&granted);
    uint64_t datagrams = 0, bytes = 0, calls = 0;
    uint32_t dropped = 0;
    int64_t cpu_start = 0, first = 0, last = 0;
    prepare_slots();
    set_timeout(fd, number_option(argc, argv, "--wait", 30));
    while (total == 0 || datagrams < total) {
        for (int i = 0; i < SLOTS; i++) {
            messages[i].msg_hdr.msg_controllen = sizeof(controls[i]);
        }
        int received = recvmmsg(fd, messages, SLOTS, MSG_WAITFORONE, NULL);
        if (received < 0 && errno == EINTR) {
            continue;
        }
        if (received <= 0) {
            break;
        }
        if (datagrams == 0) {
            cpu_start = cpu_ns();
            first = monotonic_ns();
            set_timeout(fd, idle);
        }
        for (int i = 0; i < received; i++) {
            bytes += messages[i].msg_len;
        }
        dropped = dropped_with(&messages[received - 1].msg_hdr, dropped);
        datagrams += (uint64_t)received;
        calls++;
        // A clock reading per call would be more than a receiver needs; every 16th is exact enough for a rate.
        if ((calls & 15) == 0) {
            last = monotonic_ns();
        }
    }
    int64_t cpu = datagrams == 0 ? 0 : cpu_ns() - cpu_start;
    double seconds = last > first ? (double)(last - first) / 1e9 : 0;
    printf("{\"datagrams\":%llu,\"bytes\":%llu,\"dropped\":%u,\"calls\":%llu,\"receive_buffer\":%d,"
           "\"seconds\":%.3f,\"cpu_seconds\":%.6f,\"cpu_ns_per_datagram\":%.1f}\n",
           (unsigned long long)datagrams, (unsigned long long)bytes, dropped, (unsigned long long)calls, granted,
           seconds, (double)cpu / 1e9, datagrams == 0 ? 0 : (double)cpu / (double)datagrams);
    return datagrams == 0 ? 1 : 0;
}
