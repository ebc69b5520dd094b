#ifndef POINTSTREAM_CSQLITE_SHIM_H
#define POINTSTREAM_CSQLITE_SHIM_H

// The session extension is compiled into the library, but its declarations are hidden without these.
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1
#include <sqlite3.h>

// SQLITE_TRANSIENT is a cast of -1 to a function pointer, which Swift cannot import.
static inline sqlite3_destructor_type pointstream_sqlite_transient(void) {
    return SQLITE_TRANSIENT;
}

#endif
