/* Cgroups born and gone below argv[1], argv[2] of them, each alive for argv[3] microseconds.
   With argv[4] > 0 they come one after another and a process burns that many microseconds of CPU in each;
   with 0 nothing runs in them, and they are made argv[5] a second whatever their life is. Prints how many were made and the wall time in microseconds. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void until(long long instant) {
  struct timespec t = { instant / 1000000, instant % 1000000 * 1000 };
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {}
}

static const char *name(const char *parent, long i) {
  static char path[4096];
  snprintf(path, sizeof path, "%s/s%ld", parent, i);
  return path;
}

static int drop(const char *path) {
  for (int tries = 0; tries < 10000; tries++) {
    if (rmdir(path) == 0) return 0;
    if (errno != EBUSY) return -1;
    usleep(100);
  }
  return -1;
}

static int burn(const char *path, long long life, long long cpu) {
  char procs[4200];
  long long end = now(CLOCK_MONOTONIC) + life;
  snprintf(procs, sizeof procs, "%s/cgroup.procs", path);
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1) _exit(1);
    while (now(CLOCK_PROCESS_CPUTIME_ID) < cpu) {}
    until(end);
    _exit(0);
  }
  int status;
  return waitpid(child, &status, 0) == child && status == 0 ? 0 : -1;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  const char *parent = argv[1];
  long count = atol(argv[2]);
  long long life = atoll(argv[3]), cpu = atoll(argv[4]), rate = atoll(argv[5]), began = now(CLOCK_MONOTONIC);
  if (cpu > 0) {
    for (long i = 0; i < count; i++)
      if (mkdir(name(parent, i), 0755) || burn(name(parent, i), life, cpu) || drop(name(parent, i))) return 3;
  } else {
    long gone = 0, alive = life * rate / 1000000;
    for (long i = 0; i < count; i++) {
      until(began + i * 1000000 / rate);
      if (mkdir(name(parent, i), 0755)) return 3;
      if (i - gone >= alive && drop(name(parent, gone++))) return 3;
    }
    while (gone < count)
      if (drop(name(parent, gone++))) return 3;
  }
  printf("%ld %lld\n", count, now(CLOCK_MONOTONIC) - began);
  return 0;
}
