// What the C library's allocator keeps of memory that was freed.
#define _GNU_SOURCE
#include "cplatform.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

// Bytes of memory of the process's own that are resident, or 0 where the kernel does not say.
static size_t resident_bytes(void) {
    unsigned long resident = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    int count = fscanf(file, "%*u %lu %lu", &resident, &shared);
    fclose(file);
    return count == 2 && resident > shared ? (resident - shared) * (size_t)sysconf(_SC_PAGESIZE) : 0;
}

int forebay_memory_give_back(size_t least) {
    size_t resident = resident_bytes();
    if (resident < least) {
        return 0;
    }
    struct mallinfo2 info = mallinfo2();
    return resident >= info.uordblks + info.hblkhd + least ? malloc_trim(0) : 0;
}
