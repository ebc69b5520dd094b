#ifndef POINTSTREAM_CRDKAFKA_SHIM_H
#define POINTSTREAM_CRDKAFKA_SHIM_H

#include <librdkafka/rdkafka.h>
#include <sys/eventfd.h>

#endif
