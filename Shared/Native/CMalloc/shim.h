#ifndef POINTSTREAM_CMALLOC_SHIM_H
#define POINTSTREAM_CMALLOC_SHIM_H

// How the C library keeps memory that was given back; Swift's own module leaves it out.
#include <malloc.h>

#endif
