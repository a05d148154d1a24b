// Sends readings of 76 bytes from many devices as datagrams, paced or flat out, with little CPU of its own.
//
//     udp-blast --port N [--rate R] [--count N] [--devices N] [--segment]
//
// --rate 0 is flat out; --segment lets the kernel cut trains of 64 datagrams (UDP_SEGMENT). `seq` starts at 100001 for
// each device, so that all datagrams are equally long. Prints {"sent":N,...}.
#define _GNU_SOURCE
#include "bench.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { BURST = 64, READING_BYTES = 76, TICK_NS = 1000000, VALUE_AT = 57, SEQUENCE_AT = 69 };

// 76 bytes; the device's number, the value and seq are overwritten in place.
static const char reading[READING_BYTES + 1] =
    "{\"device\":\"sensor-000000\",\"metric\":\"temperature\",\"value\":20.00,\"seq\":100000}";
static char train[BURST][READING_BYTES];
static char (*devices)[READING_BYTES];

static void prepare_devices(int count) {
    devices = calloc((size_t)count, READING_BYTES);
    if (devices == NULL) {
        fail("calloc");
    }
    for (int i = 0; i < count; i++) {
        char number[7];
        snprintf(number, sizeof(number), "%06d", i % 1000000);
        memcpy(devices[i], reading, READING_BYTES);
        memcpy(devices[i] + 18, number, 6);
    }
}

// Counts one decimal number up in place, from its last digit at `place`.
static void increment(char *place, int digits) {
    while (digits-- > 0 && ++*place > '9') {
        *place-- = '0';
    }
}

static void fill(int count, int device_count) {
    static int turn = 0;
    for (int i = 0; i < count; i++) {
        char *device = devices[turn];
        increment(device + SEQUENCE_AT + 5, 6);
        increment(device + VALUE_AT + 4, 2);
        memcpy(train[i], device, READING_BYTES);
        turn = turn + 1 == device_count ? 0 : turn + 1;
    }
}

static int send_burst(int fd, int count) {
    static struct mmsghdr messages[BURST];
    static struct iovec parts[BURST];
    int done = 0;
    for (int i = 0; i < count; i++) {
        parts[i] = (struct iovec){.iov_base = train[i], .iov_len = READING_BYTES};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    while (done < count) {
        int sent = sendmmsg(fd, messages + done, (unsigned int)(count - done), 0);
        if (sent < 0 && errno != EINTR && errno != EAGAIN && errno != ENOBUFS) {
            return -1;
        }
        done += sent > 0 ? sent : 0;
    }
    return 0;
}

static int send_train(int fd, int count) {
    union {
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control = {.bytes = {0}};
    uint16_t segment = READING_BYTES;
    struct iovec part = {.iov_base = train, .iov_len = (size_t)count * READING_BYTES};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_UDP;
    header->cmsg_type = UDP_SEGMENT;
    header->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    memcpy(CMSG_DATA(header), &segment, sizeof(segment));
    for (;;) {
        if (sendmsg(fd, &message, 0) >= 0) {
            return 0;
        }
        if (errno != EINTR && errno != EAGAIN && errno != ENOBUFS) {
            return -1;
        }
    }
}

int main(int argc, char **argv) {
    double rate = number_option(argc, argv, "--rate", 0);
    uint64_t count = (uint64_t)number_option(argc, argv, "--count", 100000);
    int device_count = (int)number_option(argc, argv, "--devices", 1000);
    int segment = has_flag(argc, argv, "--segment");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)number_option(argc, argv, "--port", 0));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    int size = 4 << 20;
    if (fd < 0 || device_count < 1 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        fail("connect");
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    prepare_devices(device_count);
    uint64_t sent = 0;
    int64_t start = monotonic_ns();
    while (sent < count) {
        uint64_t due = count;
        if (rate > 0) {
            int64_t elapsed = monotonic_ns() - start;
            due = (uint64_t)((double)elapsed * rate / 1e9) + 1;
            if (due <= sent) {
                sleep_until(start + (elapsed / TICK_NS + 1) * TICK_NS);
                continue;
            }
        }
        uint64_t left = (due < count ? due : count) - sent;
        int burst = left < BURST ? (int)left : BURST;
        fill(burst, device_count);
        if ((segment ? send_train(fd, burst) : send_burst(fd, burst)) < 0) {
            fail("send");
        }
        sent += (uint64_t)burst;
    }
    double seconds = (double)(monotonic_ns() - start) / 1e9;
    printf("{\"sent\":%llu,\"bytes\":%llu,\"seconds\":%.3f,\"rate\":%.0f,\"cpu_seconds\":%.6f}\n",
           (unsigned long long)sent, (unsigned long long)sent * READING_BYTES, seconds, (double)sent / seconds,
           (double)cpu_ns() / 1e9);
    return 0;
}
