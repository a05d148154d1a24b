// Bulk reception of datagrams: recvmmsg into slots that are mapped once, and the kernel's own count of drops.
//
// Slots: each datagram lands in a dense slot of one Ethernet payload; what is longer runs on into that slot's
// overflow region of 64 KiB, which is only address space until somebody sends such a datagram. A dense slot is no
// power of two, so that the first lines of neighbouring slots fall into different cache sets. UDP_GRO is left off on
// purpose: the kernel counts the drop of a coalesced train as one, and drops are counted to the datagram here.
#define _GNU_SOURCE 1
#include "cplatform.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

enum {
    SLOTS = FOREBAY_UDP_SLOTS,
    SLOT_BYTES = 1536,
    SLOT_STRIDE = 1600,
    OVERFLOW_BYTES = 65536,   // more than any datagram has: MSG_TRUNC cannot happen
    MEMINFO_DROPS = 8,        // SK_MEMINFO_DROPS of <linux/sock_diag.h>
    MEMINFO_FIELDS = 9,
};

struct forebay_udp_receiver {
    struct mmsghdr headers[SLOTS];
    struct iovec parts[SLOTS][2];
    struct sockaddr_in6 senders[SLOTS];
    _Alignas(struct cmsghdr) uint8_t control[SLOTS][CMSG_SPACE(sizeof(uint32_t))];
    struct forebay_datagram datagrams[SLOTS];
    uint8_t *dense;
    uint8_t *overflow;
    int used;
    uint32_t drops;
    uint8_t has_drops;
    uint8_t overflow_touched;
};

static void arm(struct forebay_udp_receiver *receiver, int slot) {
    struct msghdr *header = &receiver->headers[slot].msg_hdr;
    header->msg_namelen = sizeof receiver->senders[slot];
    header->msg_controllen = sizeof receiver->control[slot];
    header->msg_flags = 0;
}

struct forebay_udp_receiver *forebay_udp_receiver_create(void) {
    struct forebay_udp_receiver *receiver = calloc(1, sizeof *receiver);
    if (!receiver) return NULL;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    receiver->dense = mmap(NULL, (size_t)SLOTS * SLOT_STRIDE, PROT_READ | PROT_WRITE, flags, -1, 0);
    receiver->overflow = mmap(NULL, (size_t)SLOTS * OVERFLOW_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (receiver->dense == MAP_FAILED || receiver->overflow == MAP_FAILED) {
        forebay_udp_receiver_destroy(receiver);
        return NULL;
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        struct msghdr *header = &receiver->headers[slot].msg_hdr;
        receiver->parts[slot][0].iov_base = receiver->dense + (size_t)slot * SLOT_STRIDE;
        receiver->parts[slot][0].iov_len = SLOT_BYTES;
        receiver->parts[slot][1].iov_base = receiver->overflow + (size_t)slot * OVERFLOW_BYTES + SLOT_BYTES;
        receiver->parts[slot][1].iov_len = OVERFLOW_BYTES - SLOT_BYTES;
        header->msg_iov = receiver->parts[slot];
        header->msg_iovlen = 2;
        header->msg_name = &receiver->senders[slot];
        header->msg_control = receiver->control[slot];
    }
    receiver->used = SLOTS;
    return receiver;
}

void forebay_udp_receiver_destroy(struct forebay_udp_receiver *receiver) {
    if (!receiver) return;
    if (receiver->dense && receiver->dense != MAP_FAILED) munmap(receiver->dense, (size_t)SLOTS * SLOT_STRIDE);
    if (receiver->overflow && receiver->overflow != MAP_FAILED) {
        munmap(receiver->overflow, (size_t)SLOTS * OVERFLOW_BYTES);
    }
    free(receiver);
}

// Where the sender's address goes; an IPv4 sender of a dual-stack socket is given as IPv4.
static void describe_sender(struct forebay_datagram *datagram, const struct sockaddr_in6 *sender) {
    memset(datagram->address, 0, sizeof datagram->address);
    datagram->scope = 0;
    if (sender->sin6_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)sender;
        datagram->is_ipv6 = 0;
        datagram->port = ntohs(ipv4->sin_port);
        memcpy(datagram->address, &ipv4->sin_addr, 4);
        return;
    }
    datagram->port = ntohs(sender->sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&sender->sin6_addr)) {
        datagram->is_ipv6 = 0;
        memcpy(datagram->address, sender->sin6_addr.s6_addr + 12, 4);
        return;
    }
    datagram->is_ipv6 = 1;
    datagram->scope = sender->sin6_scope_id;
    memcpy(datagram->address, sender->sin6_addr.s6_addr, 16);
}

static void note_drops(struct forebay_udp_receiver *receiver, struct msghdr *header) {
    for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SO_RXQ_OVFL) continue;
        memcpy(&receiver->drops, CMSG_DATA(item), sizeof receiver->drops);
        receiver->has_drops = 1;
    }
}

int forebay_udp_receive(struct forebay_udp_receiver *receiver, int descriptor) {
    for (int slot = 0; slot < receiver->used; slot++) arm(receiver, slot);
    receiver->used = 0;
    int count = recvmmsg(descriptor, receiver->headers, SLOTS, MSG_DONTWAIT, NULL);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    receiver->used = count;
    for (int slot = 0; slot < count; slot++) {
        struct msghdr *header = &receiver->headers[slot].msg_hdr;
        struct forebay_datagram *datagram = &receiver->datagrams[slot];
        uint32_t length = receiver->headers[slot].msg_len;
        datagram->bytes = receiver->parts[slot][0].iov_base;
        datagram->length = length;
        datagram->truncated = (header->msg_flags & MSG_TRUNC) != 0;
        describe_sender(datagram, &receiver->senders[slot]);
        if (length > SLOT_BYTES) {
            uint8_t *whole = receiver->overflow + (size_t)slot * OVERFLOW_BYTES;
            memcpy(whole, datagram->bytes, SLOT_BYTES);
            datagram->bytes = whole;
            receiver->overflow_touched = 1;
        }
        if (header->msg_controllen) note_drops(receiver, header);
    }
    return count;
}

const struct forebay_datagram *forebay_udp_datagrams(const struct forebay_udp_receiver *receiver) {
    return receiver->datagrams;
}

int forebay_udp_noted_drops(const struct forebay_udp_receiver *receiver, uint32_t *drops) {
    *drops = receiver->drops;
    return receiver->has_drops;
}

void forebay_udp_forget_drops(struct forebay_udp_receiver *receiver) {
    receiver->drops = 0;
    receiver->has_drops = 0;
}

int forebay_udp_socket_drops(int descriptor, uint32_t *drops) {
    uint32_t fields[MEMINFO_FIELDS] = {0};
    socklen_t length = sizeof fields;
    if (getsockopt(descriptor, SOL_SOCKET, SO_MEMINFO, fields, &length) != 0) return -errno;
    if (length < sizeof fields) return -ENOTSUP;
    *drops = fields[MEMINFO_DROPS];
    return 0;
}

void forebay_udp_release_overflow(struct forebay_udp_receiver *receiver) {
    if (!receiver->overflow_touched) return;
    madvise(receiver->overflow, (size_t)SLOTS * OVERFLOW_BYTES, MADV_DONTNEED);
    receiver->overflow_touched = 0;
}

static int bind_socket(int descriptor, const struct addrinfo *address, int receive_buffer) {
    int on = 1, off = 0;
    if (setsockopt(descriptor, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on) != 0) return -errno;
    // Forced where CAP_NET_ADMIN permits it; else the kernel grants up to net.core.rmem_max without complaint.
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer) != 0) {
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    if (address->ai_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)address->ai_addr;
        if (IN6_IS_ADDR_UNSPECIFIED(&ipv6->sin6_addr)
            && setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) != 0) {
            return -errno;
        }
    }
    return bind(descriptor, address->ai_addr, address->ai_addrlen) == 0 ? descriptor : -errno;
}

int forebay_udp_open(const char *address, uint16_t port, int receive_buffer) {
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_DGRAM,
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
    };
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    if (getaddrinfo(address, service, &hints, &found) != 0 || !found) return -EINVAL;
    int descriptor = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    int result = descriptor < 0 ? -errno : bind_socket(descriptor, found, receive_buffer);
    if (result < 0 && descriptor >= 0) close(descriptor);
    freeaddrinfo(found);
    return result;
}

int forebay_udp_granted_buffer(int descriptor) {
    int granted = 0;
    socklen_t length = sizeof granted;
    return getsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &granted, &length) == 0 ? granted : -errno;
}

int forebay_udp_bound_port(int descriptor) {
    struct sockaddr_in6 bound = {0};
    socklen_t length = sizeof bound;
    if (getsockname(descriptor, (struct sockaddr *)&bound, &length) != 0) return -errno;
    // The port stands at the same place in both families.
    return ntohs(bound.sin6_port);
}
