/* Wrong use of every kind, one a case: each call answers, and the handle works afterwards. Owns: the cases. */
#define _GNU_SOURCE
#include "every_call.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static const shmr_options numbers = {.size = sizeof numbers, SHMR_ITEM(uint64_t), .items = 4};
static const shmr_options texts = {.size = sizeof texts, .bytes = 4096};

static shmr_ring *ring_of(const shmr_options *options, shmr_producer **tx, shmr_consumer **rx) {
    shmr_ring *ring;
    IS(shmr_ring_create(shmr_memfd("misuse"), options, &ring), 0);
    IS(shmr_ring_producer(ring, tx), 0);
    IS(shmr_ring_consumer(ring, rx), 0);
    return ring;
}

static void no_handle(void) {
    all_of_a_producer(NULL, SHMR_HANDLE);
    all_of_a_consumer(NULL, SHMR_HANDLE);
    all_of_the_rest(NULL, SHMR_HANDLE);
    IS(shmr_ring_close(NULL) | shmr_producer_close(NULL) | shmr_consumer_close(NULL) | shmr_latest_close(NULL), 0);
    IS(shmr_writer_close(NULL) | shmr_reader_close(NULL) | shmr_interrupt_close(NULL), 0);
}

static void closed_handles(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    shmr_ring *ring = ring_of(&numbers, &tx, &rx);
    IS(shmr_producer_close(tx), 0);
    IS(shmr_consumer_close(rx), 0);
    IS(shmr_ring_close(ring), 0);
    all_of_a_producer(tx, SHMR_HANDLE);
    all_of_a_consumer(rx, SHMR_HANDLE);
    all_of_the_rest(ring, SHMR_HANDLE);
    IS(shmr_producer_close(tx), SHMR_HANDLE);
    IS(shmr_consumer_close(rx), SHMR_HANDLE);
    IS(shmr_ring_close(ring), SHMR_HANDLE);
    /* Those that were closed are used again in the end, and work. */
    for (int i = 0; i < 200; i++) {
        ring = ring_of(&numbers, &tx, &rx);
        uint64_t number = 7;
        IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
        IS(shmr_pop(rx, &number, sizeof number, SHMR_TRY), 8);
        IS(shmr_producer_close(tx) | shmr_consumer_close(rx) | shmr_ring_close(ring), 0);
    }
}

static void other_handles(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    shmr_ring *ring = ring_of(&numbers, &tx, &rx);
    all_of_a_producer((shmr_producer *)rx, SHMR_HANDLE);
    all_of_a_consumer((shmr_consumer *)tx, SHMR_HANDLE);
    all_of_the_rest(tx, SHMR_HANDLE);
    IS(shmr_producer_close((shmr_producer *)ring), SHMR_HANDLE);
    /* Values where messages are wanted. */
    uint64_t number = 7;
    shmr_span span = {&number, sizeof number};
    IS(shmr_push_messages(tx, &span, 1, SHMR_TRY), SHMR_KIND);
    IS(shmr_push_all(tx, &span, 1, SHMR_TRY), SHMR_KIND);
    IS(shmr_push_parts(tx, &span, 1, SHMR_TRY), SHMR_KIND);
    IS(shmr_pop_messages(rx, &number, sizeof number, &span, 1, SHMR_TRY), SHMR_KIND);
    IS(shmr_peek_messages(rx, &span, 1, SHMR_TRY), SHMR_KIND);
    IS(shmr_producer_close(tx) | shmr_consumer_close(rx) | shmr_ring_close(ring), 0);
    const void *values;
    ring = ring_of(&texts, &tx, &rx);
    IS(shmr_push_values(tx, &number, 1, SHMR_TRY), SHMR_KIND);
    IS(shmr_pop_values(rx, &number, 1, SHMR_TRY), SHMR_KIND);
    IS(shmr_peek_values(rx, &values, 1, SHMR_TRY), SHMR_KIND);
    IS(shmr_producer_close(tx) | shmr_consumer_close(rx) | shmr_ring_close(ring), 0);
}

static void lengths(void) {
    static uint64_t some[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    shmr_producer *tx;
    shmr_consumer *rx;
    void *room;
    const void *values;
    shmr_span span = {some, 8}, wrong = {NULL, 8}, huge = {some, SIZE_MAX};
    shmr_ring *ring = ring_of(&numbers, &tx, &rx);
    IS(shmr_push(tx, some, 7, SHMR_TRY), SHMR_WRONG_LENGTH);
    IS(shmr_push(tx, some, 0, SHMR_TRY), SHMR_WRONG_LENGTH);
    IS(shmr_push(tx, NULL, 8, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push(tx, some, SIZE_MAX, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_values(tx, some, SIZE_MAX / 4, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_values(tx, some, SIZE_MAX, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_values(tx, NULL, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_values(tx, NULL, 0, SHMR_TRY), 0);
    IS(shmr_reserve(tx, SIZE_MAX, &room, SHMR_TRY), SHMR_TOO_LARGE);
    IS(shmr_reserve(tx, 5, &room, SHMR_FOREVER), SHMR_TOO_LARGE);
    IS(shmr_reserve(tx, 1, NULL, SHMR_TRY), SHMR_INVALID);
    IS(shmr_wait_room(tx, SIZE_MAX, SHMR_FOREVER), SHMR_TOO_LARGE);
    IS(shmr_push_values(tx, some, 8, SHMR_TRY), 4);
    IS(shmr_push_values(tx, some, 1, SHMR_TRY), SHMR_FULL);
    IS(shmr_push_values(tx, some, 1, 1), SHMR_TIMED_OUT);
    IS(shmr_pop(rx, some, 7, SHMR_TRY), SHMR_TOO_SMALL);
    IS(shmr_pop(rx, NULL, 8, SHMR_TRY), SHMR_INVALID);
    IS(shmr_pop_values(rx, some, SIZE_MAX / 8, SHMR_TRY), SHMR_INVALID);
    IS(shmr_peek_values(rx, NULL, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_peek_values(rx, &values, 0, SHMR_TRY), 0);
    IS(shmr_release(rx, 0), SHMR_NOT_LENT);
    IS(shmr_peek_values(rx, &values, SIZE_MAX, SHMR_TRY), 4);
    IS(shmr_release(rx, 1), 1);
    IS(shmr_wait_records(rx, SIZE_MAX, SHMR_FOREVER), SHMR_FULL);
    IS(shmr_release_to(rx, 13), SHMR_NOT_A_BOUNDARY);
    IS(shmr_release_to(rx, UINT64_MAX), SHMR_NOT_A_BOUNDARY);
    IS(shmr_release_to(rx, 16), 1);
    IS(shmr_pop(rx, some, SIZE_MAX, SHMR_TRY), SHMR_INVALID);
    IS(some[0], 1);
    IS(shmr_pop(rx, some, sizeof some, SHMR_TRY), 8);
    IS(some[0], 3);
    IS(shmr_consumer_peer(rx, NULL), SHMR_INVALID);
    IS(shmr_producer_close(tx) | shmr_consumer_close(rx) | shmr_ring_close(ring), 0);

    ring = ring_of(&texts, &tx, &rx);
    IS(shmr_push(tx, NULL, 0, SHMR_TRY), 0);
    IS(shmr_pop(rx, NULL, 0, SHMR_TRY), 0);
    IS(shmr_push_messages(tx, &wrong, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_messages(tx, &huge, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_messages(tx, &span, SIZE_MAX, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_messages(tx, NULL, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_messages(tx, (shmr_span *)((char *)&span + 1), 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_messages(tx, &span, 1, SHMR_SECONDS(1)), SHMR_INVALID);
    IS(shmr_push_all(tx, &wrong, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_all(tx, &span, SIZE_MAX, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_all(tx, NULL, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_push_all(tx, &span, 1, SHMR_SECONDS(1)), SHMR_INVALID);
    IS(shmr_push_all(tx, NULL, 0, SHMR_TRY), 0);
    IS(shmr_push_parts(tx, &wrong, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_reserve(tx, SIZE_MAX, &room, SHMR_FOREVER), SHMR_TOO_LARGE);
    IS(shmr_push(tx, some, 60, SHMR_TRY), 0);
    IS(shmr_pop(rx, some, 59, SHMR_TRY), SHMR_TOO_SMALL);
    IS(shmr_pop_messages(rx, some, 59, &span, 1, SHMR_TRY), SHMR_TOO_SMALL);
    IS(shmr_pop_messages(rx, some, 64, NULL, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_pop_messages(rx, some, 64, &span, SIZE_MAX, SHMR_TRY), SHMR_INVALID);
    IS(shmr_pop_messages(rx, some, 64, &span, 0, SHMR_TRY), 0);
    IS(shmr_next_len(rx, SHMR_TRY), 60);
    IS(shmr_pop(rx, some, sizeof some, SHMR_TRY), 60);
    IS(shmr_producer_close(tx) | shmr_consumer_close(rx) | shmr_ring_close(ring), 0);
}

static void lent(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    shmr_peer peer;
    shmr_stats stats;
    uint64_t number = 7;
    void *room;
    const void *values;
    shmr_ring *ring = ring_of(&numbers, &tx, &rx);
    IS(shmr_commit(tx, 0), SHMR_NOT_LENT);
    IS(shmr_cancel(tx), SHMR_NOT_LENT);
    IS(shmr_reserve(tx, 2, &room, SHMR_TRY), 0);
    IS(shmr_push(tx, &number, 8, SHMR_TRY), SHMR_BUSY);
    IS(shmr_push_values(tx, &number, 1, SHMR_TRY), SHMR_BUSY);
    IS(shmr_reserve(tx, 1, &room, SHMR_TRY), SHMR_BUSY);
    IS(shmr_wait_room(tx, 1, SHMR_TRY), SHMR_BUSY);
    shmr_end end = {tx, NULL, 0, 0};
    IS(shmr_wait_any(&end, 1, SHMR_TRY), SHMR_BUSY);
    IS(shmr_producer_peer(tx, &peer), 0);
    IS(shmr_producer_stats(tx, &stats), 0);
    IS(shmr_commit(tx, 3), SHMR_INVALID);
    memcpy(room, &number, 8);
    IS(shmr_commit(tx, 1), 0);
    IS(shmr_commit(tx, 1), SHMR_NOT_LENT);
    IS(shmr_reserve(tx, 1, &room, SHMR_TRY), 0);
    IS(shmr_cancel(tx), 0);
    IS(shmr_reserve(tx, 0, &room, SHMR_TRY), 0);
    IS(shmr_commit(tx, 0), 0);
    IS(shmr_push(tx, &number, 8, SHMR_TRY), 0);
    IS(shmr_peek_values(rx, &values, 9, SHMR_TRY), 2);
    IS(shmr_pop(rx, &number, 8, SHMR_TRY), SHMR_BUSY);
    IS(shmr_peek_values(rx, &values, 9, SHMR_TRY), SHMR_BUSY);
    IS(shmr_skip_unread(rx), SHMR_BUSY);
    IS(shmr_consumer_peer(rx, &peer), 0);
    IS(shmr_release(rx, 3), SHMR_INVALID);
    IS(shmr_release(rx, 0), 0);
    IS(shmr_peek_values(rx, &values, 9, SHMR_TRY), 2);
    /* Closing ends the loan and releases nothing. */
    IS(shmr_consumer_close(rx), 0);
    IS(shmr_ring_consumer(ring, &rx), 0);
    IS(shmr_pop(rx, &number, 8, SHMR_TRY), 8);
    IS(shmr_reserve(tx, 1, &room, SHMR_TRY), 0);
    IS(shmr_producer_close(tx), 0);
    IS(shmr_pop(rx, &number, 8, SHMR_TRY), 8);
    IS(shmr_pop(rx, &number, 8, SHMR_FOREVER), SHMR_CLOSED);
    IS(shmr_consumer_close(rx) | shmr_ring_close(ring), 0);
}

static shmr_consumer *waiting;
static shmr_interrupt *interrupting;
static volatile int64_t in_handler;
static const struct itimerval soon = {{0, 0}, {0, 2000}};

static void on_alarm(int signal) {
    (void)signal;
    uint64_t number;
    in_handler = shmr_pop(waiting, &number, sizeof number, SHMR_TRY);
    if (in_handler == SHMR_BUSY && shmr_consumer_close(waiting) == SHMR_BUSY)
        shmr_interrupt_raise(interrupting);
    else
        setitimer(ITIMER_REAL, &soon, NULL);
}

static void in_a_call(void) {
    shmr_producer *tx;
    uint64_t number = 7;
    shmr_ring *ring = ring_of(&numbers, &tx, &waiting);
    IS(shmr_consumer_set_wait(waiting, SHMR_WAIT_PARK, 0, 0, 0), 0);
    IS(shmr_consumer_interrupt(waiting, &interrupting), 0);
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &soon, NULL);
    IS(shmr_pop(waiting, &number, sizeof number, SHMR_SECONDS(30)), SHMR_INTERRUPTED);
    IS(in_handler, SHMR_BUSY);
    IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
    IS(shmr_pop(waiting, &number, sizeof number, SHMR_TRY), 8);
    /* It outlives its end. */
    IS(shmr_producer_close(tx) | shmr_consumer_close(waiting) | shmr_ring_close(ring), 0);
    IS(shmr_interrupt_raise(interrupting), 0);
    IS(shmr_interrupt_close(interrupting), 0);
    IS(shmr_interrupt_raise(interrupting), SHMR_HANDLE);
}

static void refuse(shmr_options options, int64_t expected) {
    shmr_producer *tx = (shmr_producer *)&options;
    IS(shmr_producer_create(shmr_memfd("refused"), &options, &tx), expected);
    if (tx) IS(1, 0);
}

static void options_and_places(void) {
    shmr_options options = numbers;
    shmr_producer *tx;
    shmr_latest *latest;
    IS(shmr_producer_create(shmr_memfd("no place"), &options, NULL), SHMR_INVALID);
    IS(shmr_producer_create(shmr_memfd(NULL), &options, &tx), SHMR_INVALID);
    IS(shmr_producer_create(shmr_named(NULL), &options, &tx), SHMR_INVALID);
    IS(shmr_producer_open(shmr_named("/shm-ring-c-no-such"), &options, &tx), SHMR_NOT_FOUND);
    IS(shmr_producer_open(shmr_named("/a/b"), &options, &tx), SHMR_NAME);
    IS(shmr_producer_open(shmr_named("\xff"), &options, &tx), SHMR_INVALID);
    IS(shmr_producer_open(shmr_file("/proc/self/nothing"), &options, &tx), SHMR_NOT_FOUND);
    IS(shmr_producer_open(shmr_descriptor(-1), &options, &tx), SHMR_OS);
    IS(shmr_producer_open(shmr_for_one_role(1 << 30), &options, &tx), SHMR_OS);
    IS(shmr_producer_open(shmr_of_process(1, -1), &options, &tx), SHMR_INVALID);
    shmr_place nowhere = shmr_named("/x");
    nowhere.kind = 99;
    IS(shmr_producer_open(nowhere, &options, &tx), SHMR_INVALID);
    IS(shmr_unlink(nowhere), SHMR_INVALID);
    IS(shmr_unlink(shmr_memfd("no name")), SHMR_NAME);
    IS(shmr_unlink_unused(shmr_named("/shm-ring-c-no-such"), NULL), SHMR_NOT_FOUND);
    options = numbers, options.size = 0, refuse(options, SHMR_INVALID);
    options = numbers, options.size = 8, refuse(options, SHMR_INVALID);
    options = numbers, options.size = SIZE_MAX, refuse(options, SHMR_INVALID);
    options = numbers, options.flags = 1u << 31, refuse(options, SHMR_INVALID);
    options = numbers, options.flags = SHMR_ANY_VALUES, refuse(options, SHMR_INVALID);
    options = numbers, options.item_size = 0, options.items = 0, options.flags = SHMR_ANY_VALUES;
    refuse(options, SHMR_INVALID);
    options = numbers, options.wait = 99, refuse(options, SHMR_INVALID);
    options = numbers, options.label = "\xff", refuse(options, SHMR_INVALID);
    options = numbers, options.align = 0, refuse(options, SHMR_OPTIONS);
    options = numbers, options.align = 3, refuse(options, SHMR_OPTIONS);
    options = numbers, options.item_size = SIZE_MAX, refuse(options, SHMR_OPTIONS);
    options = numbers, options.items = SIZE_MAX, refuse(options, SHMR_OPTIONS);
    options = texts, options.items = 3, refuse(options, SHMR_OPTIONS);
    options = texts, options.bytes = SIZE_MAX, refuse(options, SHMR_OPTIONS);
    options = texts, options.align = SIZE_MAX, refuse(options, SHMR_OPTIONS);
    options = texts, options.history = 3, refuse(options, SHMR_OPTIONS);
    char label[80];
    memset(label, 'x', sizeof label);
    label[79] = 0;
    options = texts, options.label = label, refuse(options, SHMR_OPTIONS);
    IS(shmr_latest_create(shmr_memfd("latest"), &texts, &latest), SHMR_INVALID);
    /* Options of a later release: those that are not used are let through. */
    struct {
        shmr_options now;
        uint64_t later;
    } longer = {numbers, 0};
    longer.now.size = sizeof longer;
    IS(shmr_producer_create(shmr_memfd("later"), &longer.now, &tx), 0);
    IS(shmr_producer_close(tx), 0);
    longer.later = 1;
    IS(shmr_producer_create(shmr_memfd("later"), &longer.now, &tx), SHMR_INVALID);
    /* No options at all: messages. */
    IS(shmr_producer_create(shmr_memfd("none"), NULL, &tx), 0);
    IS(shmr_producer_item_size(tx), 0);
    IS(shmr_producer_close(tx), 0);
}

static void many(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    uint64_t number = 7;
    shmr_ring *ring = ring_of(&numbers, &tx, &rx);
    shmr_end ends[2] = {{NULL, rx, 0, 0}, {NULL, rx, 0, 0}};
    IS(shmr_wait_any(NULL, 1, SHMR_TRY), SHMR_INVALID);
    IS(shmr_wait_any(ends, 0, SHMR_FOREVER), SHMR_INVALID);
    IS(shmr_wait_any(ends, SIZE_MAX, SHMR_FOREVER), SHMR_INVALID);
    IS(shmr_wait_any(ends, 2, SHMR_TRY), SHMR_BUSY);
    ends[1].producer = tx;
    IS(shmr_wait_any(ends, 2, SHMR_TRY), SHMR_INVALID);
    ends[1].producer = NULL, ends[1].consumer = NULL;
    IS(shmr_wait_any(ends, 2, SHMR_TRY), SHMR_INVALID);
    ends[1].consumer = (shmr_consumer *)tx;
    IS(shmr_wait_any(ends, 2, SHMR_TRY), SHMR_HANDLE);
    IS(shmr_wait_any(ends, 1, SHMR_TRY), SHMR_TIMED_OUT);
    IS(shmr_wait_any(ends, 1, SHMR_MILLISECONDS(1)), SHMR_TIMED_OUT);
    ends[1] = (shmr_end){tx, NULL, 0, 0};
    IS(shmr_wait_any(ends, 2, SHMR_FOREVER), 1);
    IS(shmr_push(tx, &number, 8, SHMR_TRY), 0);
    IS(shmr_wait_any(ends, 2, SHMR_FOREVER), 0);
    IS(shmr_pop(rx, &number, 8, SHMR_TRY), 8);
    ends[1].awaits_peer = 1;
    IS(shmr_producer_close(tx), 0);
    IS(shmr_ring_producer(ring, &tx), 0);
    ends[0].awaits_peer = 1;
    IS(shmr_wait_any(ends, 1, SHMR_FOREVER), 0);
    IS(shmr_producer_close(tx) | shmr_consumer_close(rx) | shmr_ring_close(ring), 0);
}

/* A memfd ring, handed to another process by its descriptor; and a child that uses what is its parent's. */
static void descriptors_and_forks(void) {
    shmr_ring *ring;
    shmr_producer *tx;
    shmr_consumer *rx;
    shmr_info info;
    uint64_t number = 7;
    IS(shmr_ring_create(shmr_memfd("handed over"), &numbers, &ring), 0);
    IS(shmr_ring_producer(ring, &tx), 0);
    IS(shmr_ring_describe(ring, &info), 0);
    IS(info.item_size, 8);
    IS(info.limit_bytes, 32);
    int fd = shmr_ring_fd(ring), mine = shmr_ring_fd_for_one_role(ring);
    if (fd < 0 || mine < 0) IS(1, 0);
    pid_t child = fork();
    if (child == 0) {
        IS(shmr_push(tx, &number, 8, SHMR_TRY), SHMR_FORKED);
        IS(shmr_consumer_open(shmr_for_one_role(mine), &numbers, &rx), 0);
        close(mine);
        IS(shmr_pop(rx, &number, 8, SHMR_SECONDS(30)), 8);
        IS(number, 7);
        IS(shmr_consumer_close(rx), 0);
        shmr_options any = {.size = sizeof any, .flags = SHMR_ANY_VALUES};
        IS(shmr_consumer_open(shmr_descriptor(fd), &any, &rx), 0);
        IS(shmr_consumer_item_size(rx), 8);
        IS(shmr_consumer_close(rx), 0);
        IS(shmr_producer_close(tx), 0);
        _exit(0);
    }
    close(mine);
    IS(shmr_push(tx, &number, 8, SHMR_TRY), 0);
    int status = 1;
    if (waitpid(child, &status, 0) != child || status != 0) IS(status, 0);
    /* The child closed nothing of ours. */
    IS(shmr_push(tx, &number, 8, SHMR_TRY), 0);
    IS(shmr_producer_close(tx) | shmr_ring_close(ring), 0);
}

static void words(void) {
    shmr_producer *tx;
    IS(shmr_producer_open(shmr_named("/shm-ring-c-no-such"), NULL, &tx), SHMR_NOT_FOUND);
    IS(strstr(shmr_text(SHMR_NOT_FOUND), "/dev/shm/shm-ring-c-no-such") != NULL, 1);
    IS(strcmp(shmr_text(SHMR_EMPTY), "there is nothing to read now"), 0);
    IS(strcmp(shmr_text(5), "no error"), 0);
    IS(strcmp(shmr_text(INT64_MIN), "no code of shm_ring.h"), 0);
    for (int code = -100; code <= 0; code++) IS(shmr_text(code) != NULL, 1);
    IS(shmr_version() != NULL && shmr_clock_ns() > 0, 1);
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {{"no_handle", no_handle}, {"closed_handles", closed_handles}, {"other_handles", other_handles},
             {"lengths", lengths}, {"lent", lent}, {"in_a_call", in_a_call},
             {"options_and_places", options_and_places}, {"many", many},
             {"descriptors_and_forks", descriptors_and_forks}, {"words", words}};

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(argv[1], cases[i].name) == 0) {
            cases[i].run();
            return 0;
        }
    }
    return 2;
}
