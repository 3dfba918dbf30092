// What the C library has and Swift's module of it leaves out, or shows only to GNU sources.
#ifndef SLUICE_CLINUX_H
#define SLUICE_CLINUX_H
#include <spawn.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
int pipe2(int[2], int);
int renameat2(int, const char *, int, const char *, unsigned int);

// The thread that asks becomes one of batch work: it never takes the processor from another, and may keep it so long.
// Kernels before 6.12 do not read the last.
static inline int sluice_become_batch(int32_t nice, uint64_t slice_ns) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } attributes = {sizeof attributes, 3 /* SCHED_BATCH */, 0, nice, 0, slice_ns, 0, 0};
    return (int)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

#endif
