#ifndef POINTSTREAM_CEPOLL_SHIM_H
#define POINTSTREAM_CEPOLL_SHIM_H

#include <sys/epoll.h>
#include <sys/eventfd.h>

#endif
