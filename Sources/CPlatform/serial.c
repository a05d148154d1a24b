// Serial ports: the whole raw set-up by termios2, which takes any baud rate, and the driver's error counts.
//
// A file of its own, for <asm/termbits.h> and <termios.h> cannot be included together.
#define _GNU_SOURCE 1
#include "cplatform.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef IBSHIFT
#define IBSHIFT 16
#endif

static tcflag_t size_flag(uint8_t data_bits) {
    switch (data_bits) {
    case 5: return CS5;
    case 6: return CS6;
    case 7: return CS7;
    default: return CS8;
    }
}

static tcflag_t parity_flags(uint8_t parity) {
    switch (parity) {
    case 'E': return PARENB;
    case 'O': return PARENB | PARODD;
    case 'M': return PARENB | CMSPAR | PARODD;
    case 'S': return PARENB | CMSPAR;
    default: return 0;
    }
}

static void describe(const struct termios2 *terminal, struct forebay_serial_settings *settings) {
    tcflag_t control = terminal->c_cflag;
    settings->baud = terminal->c_ospeed;
    switch (control & CSIZE) {
    case CS5: settings->data_bits = 5; break;
    case CS6: settings->data_bits = 6; break;
    case CS7: settings->data_bits = 7; break;
    default: settings->data_bits = 8; break;
    }
    if (!(control & PARENB)) {
        settings->parity = 'N';
    } else if (control & CMSPAR) {
        settings->parity = control & PARODD ? 'M' : 'S';
    } else {
        settings->parity = control & PARODD ? 'O' : 'E';
    }
    settings->stop_bits = control & CSTOPB ? 2 : 1;
    if (control & CRTSCTS) {
        settings->flow_control = 'R';
    } else {
        settings->flow_control = terminal->c_iflag & IXOFF ? 'X' : 'N';
    }
}

int forebay_serial_configure(
    int descriptor, const struct forebay_serial_settings *wanted, struct forebay_serial_settings *effective
) {
    struct termios2 terminal;
    if (ioctl(descriptor, TCGETS2, &terminal) != 0) return -errno;
    // INPCK without PARMRK: the driver hands on a byte with a parity or framing error, and a break, as NUL, which no
    // line of text contains.
    terminal.c_iflag = INPCK;
    terminal.c_oflag = 0;
    terminal.c_lflag = 0;
    terminal.c_cflag = CREAD | CLOCAL | BOTHER | (BOTHER << IBSHIFT) | size_flag(wanted->data_bits)
        | parity_flags(wanted->parity);
    if (wanted->stop_bits == 2) terminal.c_cflag |= CSTOPB;
    if (wanted->flow_control == 'R') terminal.c_cflag |= CRTSCTS;
    if (wanted->flow_control == 'X') terminal.c_iflag |= IXON | IXOFF;
    terminal.c_ispeed = wanted->baud;
    terminal.c_ospeed = wanted->baud;
    terminal.c_cc[VSTART] = 0x11;
    terminal.c_cc[VSTOP] = 0x13;
    // With VMIN 0 a read that finds nothing returns 0, which could not be told from a hang-up.
    terminal.c_cc[VMIN] = 1;
    terminal.c_cc[VTIME] = 0;
    if (ioctl(descriptor, TCSETS2, &terminal) != 0) return -errno;
    if (ioctl(descriptor, TCGETS2, &terminal) != 0) return -errno;
    describe(&terminal, effective);
    return 0;
}

int forebay_serial_open(const char *path) {
    int descriptor = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (descriptor < 0) return -errno;
    if (ioctl(descriptor, TIOCEXCL) != 0) {
        int error = errno;
        close(descriptor);
        return -error;
    }
    return descriptor;
}

int forebay_serial_errors(int descriptor, struct forebay_serial_errors *errors) {
    struct serial_icounter_struct counts = {0};
    if (ioctl(descriptor, TIOCGICOUNT, &counts) != 0) return -errno;
    errors->frame = (uint32_t)counts.frame;
    errors->parity = (uint32_t)counts.parity;
    errors->overrun = (uint32_t)counts.overrun + (uint32_t)counts.buf_overrun;
    errors->breaks = (uint32_t)counts.brk;
    return 0;
}
