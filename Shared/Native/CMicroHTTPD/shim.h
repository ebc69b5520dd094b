#ifndef POINTSTREAM_CMICROHTTPD_SHIM_H
#define POINTSTREAM_CMICROHTTPD_SHIM_H

#include <microhttpd.h>

#endif
