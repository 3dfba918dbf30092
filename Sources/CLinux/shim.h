// What the C library has and Swift's module of it leaves out, or shows only to GNU sources.
#ifndef SLUICE_CLINUX_H
#define SLUICE_CLINUX_H
#include <spawn.h>
#include <sys/vfs.h>

int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
int pipe2(int[2], int);
int renameat2(int, const char *, int, const char *, unsigned int);

#endif
