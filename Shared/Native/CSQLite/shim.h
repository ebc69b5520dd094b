#ifndef POINTSTREAM_CSQLITE_SHIM_H
#define POINTSTREAM_CSQLITE_SHIM_H

// The hook is compiled into the library, but its declarations are hidden without this.
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift cannot import.
static inline sqlite3_destructor_type pointstream_sqlite_transient(void) {
    return SQLITE_TRANSIENT;
}

// Variadic, which Swift cannot call. To be called once, before any other function of the library.
static inline int pointstream_sqlite_without_memory_statistics(void) {
    return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

#endif
