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

// SHA-256 of bytes that lie together: BoringSSL's, which swift-crypto brings and the program has already. Swift-crypto's
// own type makes an object for each hash.
uint8_t *CCryptoBoringSSL_SHA256(const uint8_t *, size_t, uint8_t *);

// Lets event loops come first: the thread that asks becomes one of batch work, a little less important than others. A
// loop that wakes up takes the processor from it at once, and not when its time is over some three milliseconds later,
// because its own slices are long (kernels before 6.12 do not read them). Where it is not let, it works all the same.
static inline void sluice_let_loops_come_first(void) {
    struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t slice_ns, deadline, period;
    } attributes = {sizeof attributes, 3 /* SCHED_BATCH */, 0, 5, 0, 20000000, 0, 0};
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

#endif
