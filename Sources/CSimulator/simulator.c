// The calls behind csimulator.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif

#include "csimulator.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

int sim_send_datagrams(int fd, const uint8_t *bytes, const uint32_t *ends, int count) {
    struct mmsghdr messages[SIM_DATAGRAMS_MAX];
    struct iovec parts[SIM_DATAGRAMS_MAX];
    if (count < 1 || count > SIM_DATAGRAMS_MAX) {
        return -EINVAL;
    }
    memset(messages, 0, sizeof(messages[0]) * (size_t)count);
    uint32_t start = 0;
    for (int i = 0; i < count; i++) {
        parts[i].iov_base = (void *)(bytes + start);
        parts[i].iov_len = ends[i] - start;
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
        start = ends[i];
    }
    int sent = sendmmsg(fd, messages, (unsigned int)count, 0);
    return sent < 0 ? -errno : sent;
}

int sim_send_train(int fd, const uint8_t *bytes, size_t length, uint16_t segment) {
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (length > segment) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_UDP;
        header->cmsg_type = UDP_SEGMENT;
        header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
        memcpy(CMSG_DATA(header), &segment, sizeof(segment));
    }
    return sendmsg(fd, &message, 0) < 0 ? -errno : 0;
}

int sim_connect_datagram_socket(const char *host, uint16_t port) {
    char service[8];
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    snprintf(service, sizeof(service), "%u", (unsigned int)port);
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        return -ENXIO;
    }
    int result = -ENXIO;
    for (struct addrinfo *address = found; address != NULL; address = address->ai_next) {
        int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (fd < 0) {
            result = -errno;
            continue;
        }
        if (connect(fd, address->ai_addr, address->ai_addrlen) == 0) {
            int size = 4 << 20;
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
            result = fd;
            break;
        }
        result = -errno;
        close(fd);
    }
    freeaddrinfo(found);
    return result;
}

int sim_set_raw(int fd, uint32_t baud) {
    struct termios2 settings;
    if (ioctl(fd, TCGETS2, &settings) < 0) {
        return -errno;
    }
    settings.c_iflag = IGNBRK;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag = CS8 | CREAD | CLOCAL | BOTHER | (BOTHER << IBSHIFT);
    settings.c_ispeed = baud;
    settings.c_ospeed = baud;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    return ioctl(fd, TCSETS2, &settings) < 0 ? -errno : 0;
}

int sim_open_pty(char *path, size_t capacity) {
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int failure = 0;
    if (grantpt(fd) < 0 || unlockpt(fd) < 0) {
        failure = errno;
    } else {
        failure = ptsname_r(fd, path, capacity);
    }
    if (failure != 0) {
        close(fd);
        return -failure;
    }
    return fd;
}

int sim_unread_bytes(int fd) {
    int unread = 0;
    return ioctl(fd, FIONREAD, &unread) < 0 ? -errno : unread;
}

static volatile sig_atomic_t stop_requested;

static void request_stop(int signal_number) {
    (void)signal_number;
    stop_requested = 1;
}

void sim_catch_stop_signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = request_stop;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

int sim_stop_requested(void) {
    return stop_requested;
}
