#ifndef POINTSTREAM_CKAFKACLOCK_H
#define POINTSTREAM_CKAFKACLOCK_H

/* A program that links this gives librdkafka before 2.4 a clock of whole milliseconds; there is nothing to call.
 *
 * librdkafka's main thread reads its clock in microseconds and waits in whole milliseconds, rounded down: in the last
 * millisecond before a timer it asks for the time without pause (2.4 rounds up). Each transaction starts two timers of
 * one millisecond, when it meets its first partition and when the broker has answered. At 100 purchases a second that
 * was a third of what two processors did; without it an award takes 21 ms there instead of 45, at 1,000 a second 99
 * instead of 152. Where times are whole milliseconds, there is no rest to spin for. */

#endif
