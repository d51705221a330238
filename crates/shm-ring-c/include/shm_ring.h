/* shm_ring.h - a ring between two processes over shared memory, for C11 and C++17 on 64-bit Linux.
 *
 * One producer and one consumer, each in its own process (or thread), exchange records: values of one size, or messages
 * of any length. While both are busy neither makes a system call; an idle side sleeps on a futex. When a side is killed,
 * what it had published is read, and its successor goes on from there. The other side is not believed: what it damages is
 * SHMR_CORRUPT, and never a crash, a hang, or an access outside the region.
 *
 * This header is the manual. C++ has a layer of classes on top: shm_ring.hpp.
 *
 *     shmr_options options = {.size = sizeof options, SHMR_ITEM(struct tick), .items = 4096};
 *     shmr_producer *tx;
 *     int failed = shmr_producer_open_or_create(shmr_named("/ticks"), &options, &tx);
 *     if (failed) { fprintf(stderr, "%s\n", shmr_text(failed)); exit(1); }
 *     shmr_push(tx, &tick, sizeof tick, SHMR_FOREVER);
 *     shmr_producer_close(tx);
 *
 * Build with `pkg-config --cflags --libs shm-ring`, or in CMake `find_package(shm-ring)` and link `shm-ring::shm-ring`.
 *
 *
 * RULES FOR ALL CALLS
 *
 * Results. A call returns 0 or more if it succeeded, and a negative code if not (enum shmr_code). Calls that return
 * int64_t return a count or a length. The codes keep their numbers in all releases. shmr_text gives the words.
 *
 * Threads. One thread at a time uses a handle; another may use it later. shmr_interrupt_raise is the exception: any thread
 * and any signal handler may call it at any time. Different handles may be used at once, also the two ends of a ring.
 *
 * Wrong use. No call unwinds, aborts or hangs because of its arguments. NULL instead of a handle, a closed handle and a
 * handle of another kind are SHMR_HANDLE. (A closed handle is recognised until 64 more handles have been closed. Then its
 * address may be that of a new one.) A call on a handle that is in a call already, by a signal handler or by another
 * thread, is SHMR_BUSY. NULL where something must be, lengths that no object can have, options and numbers that do not
 * exist are SHMR_INVALID. The library cannot recognise some mistakes: an address that leads nowhere, a buffer that is shorter
 * than its length, two threads that enter a handle in the same instant.
 *
 * Lending. shmr_reserve lends room and shmr_peek_* lend records. Until shmr_commit or shmr_cancel, or shmr_release, the
 * handle takes no call that would move them: such a call is SHMR_BUSY. Questions (peer, position, stats) and closing are
 * allowed. Closing ends the loan and publishes or releases nothing.
 *
 * Time-outs are in nanoseconds: SHMR_TRY (0) does not wait, SHMR_FOREVER (or any negative number) waits as long as it
 * makes sense, which is until the other side is gone. A wait that is over is SHMR_TIMED_OUT; a call that did not wait
 * answers SHMR_EMPTY or SHMR_FULL.
 *
 * Signals do not end a wait. Use shmr_interrupt_raise in the handler.
 *
 * fork. A child must not use its parent's handles: calls answer SHMR_FORKED. It may close them, and open its own.
 *
 * Exit. A process that ends without closing its ends counts as dead, not as closed, to the other side.
 *
 * Memory. The library frees what it allocates when the handle is closed. It never frees what you gave it, and keeps no
 * address that you gave it after a call has returned.
 */
#ifndef SHM_RING_H
#define SHM_RING_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__linux__) || !defined(__LP64__)
#error "shm-ring needs 64-bit Linux"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------------------
 * Codes
 */

/* What a call answers. Numbers never change and are never used again. */
enum shmr_code {
    SHMR_OK = 0,

    /* What may happen in a ring that is used rightly. */
    SHMR_EMPTY = -1,       /* There is nothing to read now (SHMR_TRY only). */
    SHMR_FULL = -2,        /* There is no room now (SHMR_TRY only); for a consumer that waits: no more can come. */
    SHMR_TIMED_OUT = -3,   /* Nothing changed until the deadline. */
    SHMR_CLOSED = -4,      /* The other side closed in order. A consumer has read everything; a producer finds no room. */
    SHMR_PEER_DEAD = -5,   /* As SHMR_CLOSED, but the other side died. */
    SHMR_INTERRUPTED = -6, /* shmr_interrupt_raise ended the wait. */
    SHMR_LAGGED = -7,      /* shmr_next: values were lost. The next call goes on behind them. */
    SHMR_OVERRUN = -8,     /* shmr_read: the writer overwrote each slot while it was copied. Read again. */
    SHMR_CORRUPT = -9,     /* The other side, or a third one, damaged the region. Final for this handle. */
    SHMR_FORKED = -10,     /* The handle is the parent's. */

    /* Wrong use. */
    SHMR_INVALID = -20,        /* An argument cannot be. */
    SHMR_HANDLE = -21,         /* NULL, a closed handle, or one of another kind. */
    SHMR_BUSY = -22,           /* The handle is in a call, or has lent something. */
    SHMR_NOT_LENT = -23,       /* Nothing is lent. */
    SHMR_TOO_LARGE = -24,      /* More than this ring ever has room for. */
    SHMR_TOO_SMALL = -25,      /* The buffer is too small. The record stays in the ring. */
    SHMR_WRONG_LENGTH = -26,   /* Not the length of a value of this ring. */
    SHMR_NOT_A_BOUNDARY = -27, /* No unread record begins or ends at that position. */
    SHMR_KIND = -28,           /* A call for messages on a ring of values, or the other way round. */
    SHMR_NO_MEMORY = -29,

    /* Why a region could not be created, opened, attached to or removed. */
    SHMR_NAME = -40,           /* The name or path cannot be one. */
    SHMR_OPTIONS = -41,        /* No region can meet the options. */
    SHMR_NOT_FOUND = -42,      /* Nothing has this name. */
    SHMR_NAME_GONE = -43,      /* The name was removed since, or leads to another region. */
    SHMR_UNREAD = -44,         /* Something in it can still be read. */
    SHMR_EXISTS = -45,         /* Something has this name already. */
    SHMR_NO_SPACE = -46,       /* No room for it. */
    SHMR_NOT_REGULAR = -47,    /* A link, pipe, device or folder. */
    SHMR_FOREIGN_OWNER = -48,  /* Another user's. See SHMR_ANY_OWNER. */
    SHMR_TOO_PERMISSIVE = -49, /* More people may write it than .mode says. */
    SHMR_HARD_LINKED = -50,    /* It has a second name. */
    SHMR_DESCRIPTOR = -51,     /* The descriptor is not sealed, or cannot be written. */
    SHMR_REGION_LENGTH = -52,  /* It is not as long as its header says. */
    SHMR_NOT_A_RING = -53,     /* It is something else. */
    SHMR_HEADER = -54,         /* Its header contradicts itself. */
    SHMR_INCOMPATIBLE = -55,   /* A ring, but not the one that was asked for. The text has both values. */
    SHMR_ROLE_TAKEN = -56,     /* Somebody is the producer, consumer or writer already. */
    SHMR_BLOCKED = -57,        /* A process that may only read the region holds a lock that keeps the role free. */
    SHMR_OS = -58,             /* A system call failed. The text says which, how, and what to do. */

    SHMR_INTERNAL = -70 /* A fault of this library. Please report it, with the text. */
};

/* The words to a result: what was wrong, with both values where two disagree, and what to do. Where the last failure of
 * this thread with that code had more to say than the code, that is returned; else what is true of the code alone. Valid
 * until the next call of this thread that fails; never NULL, never to be freed. Texts name options as Rust does:
 * Options::any_owner() is SHMR_ANY_OWNER here. */
const char *shmr_text(int64_t result);

/* The version of the library that is loaded, "0.1.0". */
const char *shmr_version(void);

/* Nanoseconds of the monotonic clock, which all processes of the machine share: for stamps from which the other side
 * computes a latency. */
uint64_t shmr_clock_ns(void);

/* ---------------------------------------------------------------------------------------------------------------------
 * Time-outs, and bytes somewhere
 */

#define SHMR_TRY ((int64_t)0)
#define SHMR_FOREVER ((int64_t)-1)
#define SHMR_MICROSECONDS(n) ((int64_t)(n) * 1000)
#define SHMR_MILLISECONDS(n) ((int64_t)(n) * 1000000)
#define SHMR_SECONDS(n) ((int64_t)(n) * 1000000000)

/* Bytes of yours, or of the ring's while they are lent. */
typedef struct shmr_span {
    const void *data;
    size_t len;
} shmr_span;

/* ---------------------------------------------------------------------------------------------------------------------
 * Where a region is
 */

/* Made by the functions below. */
typedef struct shmr_place {
    uint32_t kind;
    int fd;
    const char *name;
    uint32_t pid;
    uint32_t unused;
} shmr_place;

static inline shmr_place shmr_place_(uint32_t kind, const char *name, int fd, uint32_t pid) {
    shmr_place place;
    place.kind = kind;
    place.fd = fd;
    place.name = name;
    place.pid = pid;
    place.unused = 0;
    return place;
}

/* A name under /dev/shm, "/ticks", as shm_open gives. */
static inline shmr_place shmr_named(const char *name) { return shmr_place_(1, name, -1, 0); }

/* A file. On a disk, the part of it that the kernel had written back survives the machine. */
static inline shmr_place shmr_file(const char *path) { return shmr_place_(2, path, -1, 0); }

/* Memory without a name, sealed against being cut. Hand shmr_ring_fd to the other process: inherited, or over a Unix
 * socket (SCM_RIGHTS). `label` shows up in /proc/PID/maps. */
static inline shmr_place shmr_memfd(const char *label) { return shmr_place_(3, label, -1, 0); }

/* A descriptor that was received. It must be sealed, as that of a memfd ring is. It stays yours: close it. */
static inline shmr_place shmr_descriptor(int fd) { return shmr_place_(4, NULL, fd, 0); }

/* A descriptor whose region another process may cut: touching it then is SIGBUS. */
static inline shmr_place shmr_unsealed_descriptor(int fd) { return shmr_place_(5, NULL, fd, 0); }

/* What shmr_ring_fd_for_one_role gave to somebody who sent it: for a process that may open nothing. Close it right after
 * opening: a copy that stays open keeps the role taken. */
static inline shmr_place shmr_for_one_role(int fd) { return shmr_place_(6, NULL, fd, 0); }

/* What process `pid` has open as `fd`. It takes the right to debug that process. */
static inline shmr_place shmr_of_process(uint32_t pid, int fd) { return shmr_place_(7, NULL, fd, pid); }

/* ---------------------------------------------------------------------------------------------------------------------
 * Options
 */

enum shmr_flags {
    SHMR_ANY_OWNER = 1,            /* Opens regions of other users too, who can cut them. */
    SHMR_PREFAULT = 1 << 1,        /* Touches every page when attaching. */
    SHMR_LOCK_MEMORY = 1 << 2,     /* Locks the pages in memory. */
    SHMR_SPARSE = 1 << 3,          /* Takes memory when it is first touched. Without memory that is SIGBUS. */
    SHMR_UNLINK_ON_CLOSE = 1 << 4, /* The last user removes the name, if everything is read. Say it on both sides. */
    SHMR_NO_DEATH_NOTICE = 1 << 5, /* No second thread in this process. Deaths are noticed within a tenth of a second. */
    SHMR_NO_MEMBARRIER = 1 << 6,   /* Nobody may interrupt this process. Each push and pop runs a full fence. */
    SHMR_ENDS_OF_STREAM = 1 << 7,  /* A consumer hears of each producer's end, of one before it came too. */
    SHMR_GROUP = 1 << 8,           /* .group is the group of a new region. */
    SHMR_ANY_VALUES = 1 << 9       /* Opens a ring of whatever values; shmr_*_item_size says which. Not for creating. */
};

enum shmr_wait {
    SHMR_WAIT_BALANCED = 0,    /* Spins for some tens of microseconds, then sleeps. */
    SHMR_WAIT_SPIN = 1,        /* Never sleeps: the lowest latency, for a whole processor. */
    SHMR_WAIT_PARK = 2,        /* Sleeps at once: the minimum of processor time. */
    SHMR_WAIT_CUSTOM = 3,      /* .spins, .spin_for_ns, .yields, then sleeps. */
    SHMR_WAIT_CUSTOM_SPIN = 4, /* The same, and starts over instead of sleeping. */
};

/* How a region is created, opened and attached to. Zeros are the defaults: set .size, and what you want besides. A pointer
 * to options may be NULL: messages, and all defaults.
 *
 * .items, .bytes, .history, .mode, .group and SHMR_SPARSE matter to the creator. The kind of a ring's records, .schema and .label
 * must be the same on both sides. The rest is each side's own. */
typedef struct shmr_options {
    size_t size;      /* sizeof(shmr_options), so that a later library knows what you know. */
    size_t item_size; /* Bytes of a value. 0: the ring carries messages. SHMR_ITEM sets this and .align. */
    size_t align;     /* Alignment of a value; of messages: what their payloads are aligned to (0: to 8). */
    uint64_t schema;  /* A number that names the meaning of the records. */
    size_t items;     /* Room for exactly as many values. Not for messages. */
    size_t bytes;     /* Room for as many bytes of records; 8 or more of header for each message. Default 65536. */
    size_t history;   /* Of a latest value: how many of the newest are kept at least. */
    size_t max_capacity;   /* Refuses to open larger regions. 0: none. */
    const char *label;     /* Up to 64 bytes of UTF-8 that say what is inside. */
    uint32_t mode;         /* Permission bits of a new region, and the maximum that others may have. Default 0600. */
    uint32_t group;        /* With SHMR_GROUP. */
    uint32_t flags;        /* enum shmr_flags. */
    uint32_t wait;         /* enum shmr_wait. */
    uint32_t spins;        /* With SHMR_WAIT_CUSTOM and SHMR_WAIT_CUSTOM_SPIN: looks with a processor pause between. */
    uint32_t yields;       /* ... looks with sched_yield between. */
    uint64_t spin_for_ns;  /* ... how long to spin in any case. */
    uint64_t attach_timeout_ns; /* How long attaching waits for a role whose holder has just died. Default 5 s. */
} shmr_options;

/* The size and alignment of a type, in an initialiser of shmr_options:
 *     shmr_options options = {.size = sizeof options, SHMR_ITEM(struct tick)};
 * The type should have no padding: padding crosses as it is, with whatever stood there. No pointers: an address means
 * nothing in another process. */
#define SHMR_ITEM(type) .item_size = sizeof(type), .align = _Alignof(type)

/* ---------------------------------------------------------------------------------------------------------------------
 * Handles
 *
 * An end is made in one step by its place (shmr_producer_open and its siblings), or from a ring that is created or opened
 * first, which is needed to hand out a descriptor. NULL may be closed.
 */

typedef struct shmr_ring shmr_ring;           /* A region whose header checks out. */
typedef struct shmr_producer shmr_producer;   /* The end that publishes. There is one. */
typedef struct shmr_consumer shmr_consumer;   /* The end that reads. There is one. */
typedef struct shmr_latest shmr_latest;       /* A region for a latest value. */
typedef struct shmr_writer shmr_writer;       /* The one that writes it. */
typedef struct shmr_reader shmr_reader;       /* One of any number that read it. */
typedef struct shmr_interrupt shmr_interrupt; /* Ends a wait of the end that it came from. */

/* create: the region appears whole or not at all; SHMR_EXISTS if there is one.
 * open: SHMR_NOT_FOUND if there is none.
 * open_or_create: either side may start first; say the same options on both.
 * replace_if_unused: replaces a ring that nobody uses and in which nothing is unread by a new one.
 * On success *out is the handle, on failure NULL. */
int shmr_ring_create(shmr_place place, const shmr_options *options, shmr_ring **out);
int shmr_ring_open(shmr_place place, const shmr_options *options, shmr_ring **out);
int shmr_ring_open_or_create(shmr_place place, const shmr_options *options, shmr_ring **out);
int shmr_ring_replace_if_unused(shmr_place place, const shmr_options *options, shmr_ring **out);

/* Becomes an end. SHMR_ROLE_TAKEN if somebody is. The ring may be closed before its ends. */
int shmr_ring_producer(shmr_ring *ring, shmr_producer **out);
int shmr_ring_consumer(shmr_ring *ring, shmr_consumer **out);

/* The descriptor of the region. It is the ring's: send it, do not close it. */
int shmr_ring_fd(shmr_ring *ring);

/* A new descriptor for a process that becomes one end and may open nothing: shmr_for_one_role. Send it and close it. */
int shmr_ring_fd_for_one_role(shmr_ring *ring);

typedef struct shmr_info {
    size_t item_size; /* 0 for messages. */
    size_t align;     /* 0 for messages. */
    uint64_t schema;  /* 0 for messages. */
    size_t limit_bytes; /* The most bytes of records that are in it at once. */
    uint8_t id[16];   /* Tells it from another one that is made later under the same name. */
} shmr_info;

int shmr_ring_describe(shmr_ring *ring, shmr_info *out);

/* 1 if the name was removed or replaced: nobody who comes by it is found here. */
int shmr_ring_has_lost_its_name(shmr_ring *ring);

int shmr_ring_close(shmr_ring *ring);

int shmr_producer_create(shmr_place place, const shmr_options *options, shmr_producer **out);
int shmr_producer_open(shmr_place place, const shmr_options *options, shmr_producer **out);
int shmr_producer_open_or_create(shmr_place place, const shmr_options *options, shmr_producer **out);
int shmr_consumer_create(shmr_place place, const shmr_options *options, shmr_consumer **out);
int shmr_consumer_open(shmr_place place, const shmr_options *options, shmr_consumer **out);
int shmr_consumer_open_or_create(shmr_place place, const shmr_options *options, shmr_consumer **out);

/* Closes in order: the other side learns of it when it has read everything. */
int shmr_producer_close(shmr_producer *producer);
int shmr_consumer_close(shmr_consumer *consumer);

/* Removes a name whatever it leads to. Attached ends go on. */
int shmr_unlink(shmr_place place);

/* Removes a name if nobody uses the region and nothing in it is unread: SHMR_ROLE_TAKEN, SHMR_UNREAD. The second removes
 * it with what is unread. Options may be NULL. */
int shmr_unlink_unused(shmr_place place, const shmr_options *options);
int shmr_unlink_unused_and_discard(shmr_place place, const shmr_options *options);

/* ---------------------------------------------------------------------------------------------------------------------
 * Publishing
 *
 * A record exists for the consumer whole or not at all, also if this process is killed in the middle of a call.
 */

/* Publishes one record: a value (`len` is its size) or a message. Waits for room as long as there is a consumer or none
 * has come yet. SHMR_FULL, SHMR_TIMED_OUT, SHMR_INTERRUPTED; SHMR_CLOSED and SHMR_PEER_DEAD only while there is no room;
 * SHMR_TOO_LARGE, SHMR_WRONG_LENGTH. */
int shmr_push(shmr_producer *producer, const void *data, size_t len, int64_t timeout_ns);

/* Publishes `count` values that stand one behind the other, as many at a time as fit by one copy and one store. How many
 * it was: fewer than `count` if there was no room (SHMR_TRY), no time, or no consumer for the rest; the next call says
 * which. An error only if it was none. */
int64_t shmr_push_values(shmr_producer *producer, const void *values, size_t count, int64_t timeout_ns);

/* Publishes `count` messages, as many at a time as fit by one store. How many it was, as shmr_push_values. The time-out is
 * SHMR_TRY or SHMR_FOREVER. */
int64_t shmr_push_messages(shmr_producer *producer, const shmr_span *messages, size_t count, int64_t timeout_ns);

/* Publishes `count` messages by one store, or none of them: a consumer finds all or nothing of what belongs together, also
 * if this process is killed. The time-out is SHMR_TRY or SHMR_FOREVER. As shmr_push; SHMR_TOO_LARGE, with the bytes of all
 * records, if the ring never has as much room. */
int shmr_push_all(shmr_producer *producer, const shmr_span *messages, size_t count, int64_t timeout_ns);

/* Publishes one message that is put together from `count` parts, as writev does. */
int shmr_push_parts(shmr_producer *producer, const shmr_span *parts, size_t count, int64_t timeout_ns);

/* Lends room in the ring itself for `amount` values, or for a message of up to `amount` bytes: *room is its address,
 * aligned as the records are. Bytes that you do not write keep parts of former records. While the room is lent, the other process
 * must not write to this region's data, which a process that keeps the protocol does not. */
int shmr_reserve(shmr_producer *producer, size_t amount, void **room, int64_t timeout_ns);

/* Publishes the first `amount` values that were written to the room, or the first `amount` bytes as one message (0 is an
 * empty message; to publish none, cancel). The loan is over, except after SHMR_INVALID: more than was reserved. */
int shmr_commit(shmr_producer *producer, size_t amount);

/* Publishes nothing. The loan is over. */
int shmr_cancel(shmr_producer *producer);

/* Waits for room for `amount` values or for a message of `amount` bytes; then a SHMR_TRY of as much does not fail. */
int shmr_wait_room(shmr_producer *producer, size_t amount, int64_t timeout_ns);

/* A lower bound on the values, or the bytes of messages with their headers, that fit now. */
int64_t shmr_room(shmr_producer *producer);

/* At how many free values (or bytes of messages) a producer that waits is woken. 0, the default: half the ring. */
int shmr_producer_set_threshold(shmr_producer *producer, size_t amount);

/* Counts records that you threw away, for shmr_stats and `shm-ring stat`. */
int shmr_count_dropped(shmr_producer *producer, uint64_t records);

/* ---------------------------------------------------------------------------------------------------------------------
 * Reading
 *
 * shmr_pop* deliver at most once: a record that was popped and not used when the process was killed is lost.
 * shmr_peek_* and shmr_release deliver at least once: what is not released is there for the next consumer.
 * SHMR_CLOSED and SHMR_PEER_DEAD come when everything was read. Neither is final: another producer may come
 * (shmr_consumer_wait_for_peer).
 */

/* Takes the oldest record into `buffer` of `room` bytes. Its bytes: the size of a value, or the length of a message, which
 * may be 0. SHMR_EMPTY, SHMR_TIMED_OUT, SHMR_INTERRUPTED, SHMR_CLOSED, SHMR_PEER_DEAD; SHMR_TOO_SMALL, and it stays. */
int64_t shmr_pop(shmr_consumer *consumer, void *buffer, size_t room, int64_t timeout_ns);

/* Takes as many values as are there, up to `count`, by one copy, waiting for the first. How many it was. */
int64_t shmr_pop_values(shmr_consumer *consumer, void *values, size_t count, int64_t timeout_ns);

/* Takes as many messages as are there, up to `count` and as fit `buffer`, waiting for the first. They stand in `buffer`
 * one behind the other, and messages[i] says where. How many it was. SHMR_TOO_SMALL if the first does not fit. */
int64_t shmr_pop_messages(shmr_consumer *consumer, void *buffer, size_t room, shmr_span *messages, size_t count,
                          int64_t timeout_ns);

/* The length of the next record, which stays. */
int64_t shmr_next_len(shmr_consumer *consumer, int64_t timeout_ns);

/* Lends up to `max` values that are there, waiting for the first: *values is the address of the first, and the others
 * follow as in an array. How many there are. A `max` of 0 lends nothing and returns 0. The other process can write what it
 * has published: read what you check once, or copy it first. */
int64_t shmr_peek_values(shmr_consumer *consumer, const void **values, size_t max, int64_t timeout_ns);

/* The same for messages: messages[i] says where each is. */
int64_t shmr_peek_messages(shmr_consumer *consumer, shmr_span *messages, size_t max, int64_t timeout_ns);

/* Gives back the room of the first `count` records that are lent, by one store; the others stay unread. How many it was.
 * The loan is over, except after SHMR_INVALID: more than were lent. */
int64_t shmr_release(shmr_consumer *consumer, size_t count);

/* Gives back all records below `position`, which counts as shmr_consumer_position does. How many it was. A consumer that
 * stores the position with what it made of the records, in one transaction, delivers exactly once. */
int64_t shmr_release_to(shmr_consumer *consumer, uint64_t position);

/* Gives back everything that is unread, unseen. How many values it was, or bytes of messages with their headers. */
int64_t shmr_skip_unread(shmr_consumer *consumer);

/* Waits until `count` records are there. SHMR_FULL if as many never can be before some are released. */
int shmr_wait_records(shmr_consumer *consumer, size_t count, int64_t timeout_ns);

/* A lower bound on what is unread: values, or bytes of messages with their headers. */
int64_t shmr_unread(shmr_consumer *consumer);

/* How many bytes of records must be there before a wait that found nothing returns, and how long it waits for that once
 * something may come. 0 bytes, the default: at the first record. */
int shmr_consumer_set_threshold(shmr_consumer *consumer, size_t bytes, uint64_t within_ns);

/* ---------------------------------------------------------------------------------------------------------------------
 * What both ends have
 */

/* Bytes of a value; 0 for messages. */
int64_t shmr_producer_item_size(shmr_producer *producer);
int64_t shmr_consumer_item_size(shmr_consumer *consumer);

/* Values that fit an empty ring; bytes of the longest message. */
int64_t shmr_producer_capacity(shmr_producer *producer);
int64_t shmr_consumer_capacity(shmr_consumer *consumer);

enum shmr_peer_state {
    SHMR_PEER_ABSENT = 0,    /* Nobody has come yet. */
    SHMR_PEER_ATTACHING = 1, /* Somebody is about to come for the first time. */
    SHMR_PEER_ALIVE = 2,     /* A process that is stopped is alive. */
    SHMR_PEER_CLOSED = 3,    /* The last one closed in order. */
    SHMR_PEER_DIED = 4,      /* The last one died. */
    SHMR_PEER_OTHER = 5      /* Something that this header does not know. */
};

typedef struct shmr_peer {
    uint32_t state;    /* enum shmr_peer_state */
    uint32_t pid;      /* For display; 0 if unknown. */
    uint64_t session;  /* The number of the attachment: another one for each. */
    uint32_t released; /* 0 while somebody holds the role, or the kernel has not freed that of one who died. */
    uint32_t unused;
} shmr_peer;

/* Asks about the other side. */
int shmr_producer_peer(shmr_producer *producer, shmr_peer *out);
int shmr_consumer_peer(shmr_consumer *consumer, shmr_peer *out);

/* Waits for somebody to attach to the other side, and says how things stand then. For an end that goes on with the next
 * peer after SHMR_CLOSED or SHMR_PEER_DEAD. It returns 0 when the time is over too: look at the state. */
int shmr_producer_wait_for_peer(shmr_producer *producer, int64_t timeout_ns, shmr_peer *out);
int shmr_consumer_wait_for_peer(shmr_consumer *consumer, int64_t timeout_ns, shmr_peer *out);

/* Waits for the other side to close or die, whatever is unread, and says how things stand then. */
int shmr_producer_wait_for_end(shmr_producer *producer, int64_t timeout_ns, shmr_peer *out);
int shmr_consumer_wait_for_end(shmr_consumer *consumer, int64_t timeout_ns, shmr_peer *out);

/* 1 if the other side has closed in order and nobody followed: one load. */
int shmr_producer_is_closed(shmr_producer *producer);
int shmr_consumer_is_closed(shmr_consumer *consumer);

/* Bytes of records published (released) since the ring was created, messages with headers and fill. */
int shmr_producer_position(shmr_producer *producer, uint64_t *out);
int shmr_consumer_position(shmr_consumer *consumer, uint64_t *out);

/* The number of this attachment. */
int shmr_producer_session(shmr_producer *producer, uint64_t *out);
int shmr_consumer_session(shmr_consumer *consumer, uint64_t *out);

/* What the role has counted since the ring was created. */
typedef struct shmr_stats {
    uint64_t waits;      /* How often it had to wait. */
    uint64_t sleeps;     /* How often it went to sleep. */
    uint64_t wakes_sent; /* How often it rang for the other side. */
    uint64_t high_water; /* Of a producer: the maximum of bytes that it saw in flight. */
    uint64_t dropped;    /* Of a producer: shmr_count_dropped. */
} shmr_stats;

int shmr_producer_stats(shmr_producer *producer, shmr_stats *out);
int shmr_consumer_stats(shmr_consumer *consumer, shmr_stats *out);

/* As shmr_ring_has_lost_its_name. */
int shmr_producer_has_lost_its_name(shmr_producer *producer);
int shmr_consumer_has_lost_its_name(shmr_consumer *consumer);

/* Changes how this end waits: enum shmr_wait, and the three numbers of the custom ways. */
int shmr_producer_set_wait(shmr_producer *producer, uint32_t wait, uint32_t spins, uint64_t spin_for_ns, uint32_t yields);
int shmr_consumer_set_wait(shmr_consumer *consumer, uint32_t wait, uint32_t spins, uint64_t spin_for_ns, uint32_t yields);

/* A handle by which any thread or signal handler ends a wait of this end: the one that is under way, or else the next one
 * that finds nothing. It outlives the end. Close it when nobody can raise it any more, and not in a signal handler. */
int shmr_producer_interrupt(shmr_producer *producer, shmr_interrupt **out);
int shmr_consumer_interrupt(shmr_consumer *consumer, shmr_interrupt **out);
int shmr_interrupt_raise(shmr_interrupt *interrupt);
int shmr_interrupt_close(shmr_interrupt *interrupt);

/* ---------------------------------------------------------------------------------------------------------------------
 * Waiting for any of several ends
 */

#define SHMR_WAIT_ANY_MAX 127

/* One end: either .producer or .consumer. */
typedef struct shmr_end {
    shmr_producer *producer;
    shmr_consumer *consumer;
    uint32_t awaits_peer; /* Not 0: waits for somebody to attach to the other side, and for nothing else. */
    uint32_t unused;
} shmr_end;

/* Waits until one of up to SHMR_WAIT_ANY_MAX ends has something to say, and returns its index: its next call then does not
 * wait. A consumer has a record, a producer has room, or the other side is gone, or the ring is corrupt. Of several the one
 * is returned that was returned least recently. An end whose other side is gone says so each time: leave it out from then
 * on. An end that is named twice is SHMR_BUSY. */
int64_t shmr_wait_any(const shmr_end *ends, size_t count, int64_t timeout_ns);

/* ---------------------------------------------------------------------------------------------------------------------
 * Event loops
 *
 * An end has a descriptor for poll, epoll, libuv or libev. It is readable when the end has something to say, after it was
 * armed:
 *
 *     shmr_end end = {.consumer = rx};
 *     int fd = shmr_fd(&end);            // watch it for reading, level- or edge-triggered
 *     for (;;) {
 *         int64_t len;
 *         while ((len = shmr_pop(rx, &tick, sizeof tick, SHMR_TRY)) >= 0) use(&tick);
 *         if (len != SHMR_EMPTY) break;  // SHMR_CORRUPT
 *         int armed = shmr_arm(&end);
 *         if (armed < 0) break;          // SHMR_CLOSED, SHMR_PEER_DEAD: everything was read
 *         if (armed == 0) wait_for_events();
 *     }
 *
 * The other side need not know: it wakes this end as it wakes one that waits. Busy ends that find records cost no system
 * call. A helper thread, one for all ends of the process, sleeps on what the other sides ring and writes to the
 * descriptors. It takes no signals, starts with the first call of shmr_arm that returns 0, and ends a second after the last
 * armed end was closed or disarmed.
 */

/* The descriptor of an end: made by the first call, closed with the handle, and the same until then. It is only to be watched:
 * do not read, write or close it. In a child that was forked do not watch it either. */
int shmr_fd(const shmr_end *end);

/* Arms the end. 0: it has nothing to say, and the descriptor becomes readable when it has: a consumer a record, a producer room
 * for what its last call was in want of, either the end of the other side; with .awaits_peer, somebody who attached.
 * 1: it has something to say now, and is not armed: try the call again. SHMR_CLOSED, SHMR_PEER_DEAD: the other side is gone,
 * and everything was read, or there is no room. SHMR_INTERRUPTED: shmr_interrupt_raise has ended this wait. SHMR_CORRUPT.
 * Call it when a SHMR_TRY has found nothing, each time before you wait. It makes the descriptor unreadable first.
 *
 * The descriptor may be readable although there is nothing, and is so a tenth of a second after the first arming in a row
 * and a second after each further one: try the call, and arm again. Calls that wait, and calls that move records, take an
 * arming back or leave it as they happen to: arm after them. */
int shmr_arm(const shmr_end *end);

/* Takes the arming back: the other side wakes nobody, and the descriptor is not readable until the end is armed again.
 * Closing the handle does it too. */
int shmr_disarm(const shmr_end *end);

/* ---------------------------------------------------------------------------------------------------------------------
 * The latest value
 *
 * One writer replaces a value as often as it likes. Any number of readers read the newest, whole, or each one in order.
 * Nobody waits for anybody, and readers need only the right to read the region. Options: SHMR_ITEM, .history, .items.
 */

int shmr_latest_create(shmr_place place, const shmr_options *options, shmr_latest **out);
int shmr_latest_open(shmr_place place, const shmr_options *options, shmr_latest **out);
int shmr_latest_open_or_create(shmr_place place, const shmr_options *options, shmr_latest **out);
int shmr_latest_replace_if_unused(shmr_place place, const shmr_options *options, shmr_latest **out);
int shmr_latest_writer(shmr_latest *latest, shmr_writer **out);
int shmr_latest_reader(shmr_latest *latest, shmr_reader **out);

/* As shmr_ring_fd. Open for reading only, unless the region was created here. */
int shmr_latest_fd(shmr_latest *latest);

/* How many of the newest values can be read. */
int64_t shmr_latest_history(shmr_latest *latest);

int shmr_latest_close(shmr_latest *latest);

/* Replaces the latest value: no waiting, no system call. `len` is the size of a value. */
int shmr_write(shmr_writer *writer, const void *value, size_t len);

/* Wakes every reader that waits: one system call. Without it they find a new value within a millisecond. */
int shmr_notify(shmr_writer *writer);

/* How many values were written since the region was created. */
int shmr_writer_version(shmr_writer *writer, uint64_t *out);
int shmr_writer_close(shmr_writer *writer);

/* Copies the latest value. It never waits. SHMR_EMPTY before the first write; SHMR_OVERRUN. After an error the place is
 * unchanged or all zeros: never torn. */
int shmr_read(shmr_reader *reader, void *value, size_t len);

/* The same of a value that this reader has not read, waiting for it. SHMR_TIMED_OUT (also of SHMR_TRY), SHMR_CLOSED,
 * SHMR_PEER_DEAD. */
int shmr_read_newer(shmr_reader *reader, void *value, size_t len, int64_t timeout_ns);

/* Copies the value that was written after the last one that this reader came to: each comes once and in order, as long as
 * it is at most shmr_latest_history behind. SHMR_LAGGED: *lost values were lost, and the next call goes on behind them.
 * `lost` may be NULL. A new reader begins with what is written after it came. */
int shmr_next(shmr_reader *reader, void *value, size_t len, int64_t timeout_ns, uint64_t *lost);

/* Goes back to the oldest value that is kept, for shmr_next. */
int shmr_start_at_oldest(shmr_reader *reader);

/* 1 if there is a value that this reader has not read: one load. */
int shmr_has_newer(shmr_reader *reader);

/* The number of the value that was read last, counted from 1; 0 if none was. */
int shmr_reader_version(shmr_reader *reader, uint64_t *out);

/* Asks about the writer. */
int shmr_reader_writer(shmr_reader *reader, shmr_peer *out);
int shmr_reader_has_lost_its_name(shmr_reader *reader);
int shmr_reader_close(shmr_reader *reader);

#ifdef __cplusplus
}
#endif

#endif
