// Stands before the C library's clock_gettime in every program that links it: for librdkafka's code the monotonic
// clock stands still within a millisecond; all other callers and clocks get the time as it is.

#define _GNU_SOURCE
#include "CKafkaClock.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <time.h>

// As librdkafka writes it: major, minor, revision and 0xff for a release.
static const int version_that_rounds_up = 0x020400ff;
static const long nanoseconds_in_millisecond = 1000000;

typedef int clock_reader(clockid_t, struct timespec *);

static _Atomic(clock_reader *) exact;
// Where librdkafka's code lies; empty if nothing is to be rounded. Written before main, read ever after.
static uintptr_t code_begin, code_end;

static int find_code(struct dl_phdr_info *object, size_t size, void *within)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + segment->p_vaddr, end = begin + segment->p_memsz;
        if (segment->p_type == PT_LOAD && (uintptr_t)within >= begin && (uintptr_t)within < end) {
            code_begin = begin;
            code_end = end;
            return 1;
        }
    }
    return 0;
}

__attribute__((constructor)) static void find_librdkafka(void)
{
    int (*version)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "rd_kafka_version");
    if (version && version() < version_that_rounds_up) dl_iterate_phdr(find_code, (void *)version);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    // Libraries ask for the time before this one's constructor has run.
    clock_reader *read = exact;
    if (!read) exact = read = (clock_reader *)dlsym(RTLD_NEXT, "clock_gettime");
    int result = read(clock, now);
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    if (clock == CLOCK_MONOTONIC && result == 0 && caller >= code_begin && caller < code_end)
        now->tv_nsec -= now->tv_nsec % nanoseconds_in_millisecond;
    return result;
}
