// Thread names, event descriptors and pipes.
#define _GNU_SOURCE 1
#include "cplatform.h"

#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <unistd.h>

int forebay_thread_set_name(const char *name) {
    return pthread_setname_np(pthread_self(), name);
}

int forebay_eventfd(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

int forebay_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}

int forebay_spawn_close_from(void *actions, int first) {
    return posix_spawn_file_actions_addclosefrom_np(actions, first);
}
