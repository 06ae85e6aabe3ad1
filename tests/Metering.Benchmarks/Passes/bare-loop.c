/* The floor of a pass: pread of kept descriptors, nothing else. argv[1] lists one file a line; each line on stdin asks for that many rounds over all of them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int argc, char **argv) {
  static char path[8192], buffer[4096];
  int count = 0, room = 1024, *fds = malloc(room * sizeof *fds);
  FILE *list = argc > 1 ? fopen(argv[1], "r") : NULL;
  if (!list) return 2;
  while (fgets(path, sizeof path, list)) {
    path[strcspn(path, "\n")] = 0;
    if (count == room) fds = realloc(fds, (room *= 2) * sizeof *fds);
    if ((fds[count++] = open(path, O_RDONLY | O_CLOEXEC)) < 0) return 3;
  }
  printf("%d\n", count);
  fflush(stdout);
  long rounds;
  while (scanf("%ld", &rounds) == 1) {
    long long wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    for (long r = 0; r < rounds; r++)
      for (int i = 0; i < count; i++)
        if (pread(fds[i], buffer, sizeof buffer, 0) <= 0) return 4;
    printf("%lld %lld\n", now(CLOCK_PROCESS_CPUTIME_ID) - cpu, now(CLOCK_MONOTONIC) - wall);
    fflush(stdout);
  }
  return 0;
}
