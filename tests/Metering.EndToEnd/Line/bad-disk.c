/* For LD_PRELOAD: while the file named by BAD_DISK_WHEN is there, whatever reads, writes or flushes a file whose path contains BAD_DISK_OF gets EIO, as from a disk that fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_bad(int descriptor)
{
    const char *when = getenv("BAD_DISK_WHEN"), *of = getenv("BAD_DISK_OF");
    if (!when || !of || access(when, F_OK) != 0) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strstr(path, of) != NULL;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_OR(call) (is_bad(descriptor) ? (errno = EIO, -1) : (call))

ssize_t read(int descriptor, void *bytes, size_t count) { return FAIL_OR(NEXT(read)(descriptor, bytes, count)); }
ssize_t pread(int descriptor, void *bytes, size_t count, off_t at) { return FAIL_OR(NEXT(pread)(descriptor, bytes, count, at)); }
ssize_t pread64(int descriptor, void *bytes, size_t count, off64_t at) { return FAIL_OR(NEXT(pread64)(descriptor, bytes, count, at)); }
ssize_t write(int descriptor, const void *bytes, size_t count) { return FAIL_OR(NEXT(write)(descriptor, bytes, count)); }
ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t at) { return FAIL_OR(NEXT(pwrite)(descriptor, bytes, count, at)); }
ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t at) { return FAIL_OR(NEXT(pwrite64)(descriptor, bytes, count, at)); }
int fsync(int descriptor) { return FAIL_OR(NEXT(fsync)(descriptor)); }
int fdatasync(int descriptor) { return FAIL_OR(NEXT(fdatasync)(descriptor)); }
