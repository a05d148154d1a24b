// Preloaded before libfaketime by tests: timers go to the kernel as they are. libfaketime 0.9.10 moves every absolute deadline
// by its offset, those of the monotonic clock, which it does not fake here, too; they would never come.
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

int timerfd_settime(int fd, int flags, const struct itimerspec *value, struct itimerspec *old) {
    return (int)syscall(SYS_timerfd_settime, fd, flags, value, old);
}
