/* In front of libc by LD_PRELOAD: the wall clock of a process is off by what the file CHAOS_CLOCK holds, a double in
 * seconds. The file is mapped once, so a change of it is a jump. CLOCK_MONOTONIC is left alone, and so is the time of
 * files. Linux on 64 bits, where time_t has one size. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile const double *offset;

__attribute__((constructor)) static void map_offset(void) {
  const char *path = getenv("CHAOS_CLOCK");
  int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *page = mmap(NULL, sizeof(double), PROT_READ, MAP_SHARED, file, 0);
  if (page != MAP_FAILED) offset = page;
  close(file);
}

static int real_gettime(clockid_t clock, struct timespec *out) {
  static int (*next)(clockid_t, struct timespec *);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
  return next != NULL ? next(clock, out) : (int)syscall(SYS_clock_gettime, clock, out);
}

int clock_gettime(clockid_t clock, struct timespec *out) {
  int status = real_gettime(clock, out);
  if (status == 0 && offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    long long moved = out->tv_nsec + (long long)(*offset * 1e9);
    long long seconds = moved / 1000000000 - (moved % 1000000000 < 0);
    out->tv_sec += seconds;
    out->tv_nsec = moved - seconds * 1000000000;
  }
  return status;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}
