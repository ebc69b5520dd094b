#ifndef POINTSTREAM_CRDKAFKA_SHIM_H
#define POINTSTREAM_CRDKAFKA_SHIM_H

#include <librdkafka/rdkafka.h>
/* For tests: a broker that answers as it is told to. */
#include <librdkafka/rdkafka_mock.h>
#include <sys/eventfd.h>

#endif
