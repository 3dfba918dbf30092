// What the C library has for starting processes cleanly and shows only to GNU sources.
#ifndef SLUICE_CSPAWN_H
#define SLUICE_CSPAWN_H
#include <spawn.h>

int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *, int);
int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *, const char *);
int pipe2(int[2], int);

#endif
