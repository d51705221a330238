/* Values of many lengths by single calls: one after the other, in runs, and to a thread that is asleep. Owns: what crosses,
 * and that it is checked. Knows nothing of: how a length is copied. */
#include <shm_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#define LONGEST 300
#define ITEMS 64

struct ends {
    shmr_producer *tx;
    shmr_consumer *rx;
    size_t len;
};

static int64_t must(const char *what, size_t len, int64_t result) {
    if (result < 0) {
        fprintf(stderr, "%s of %zu bytes: %s\n", what, len, shmr_text(result));
        exit(1);
    }
    return result;
}

static void fill(unsigned char *value, size_t len, uint64_t number) {
    for (size_t i = 0; i < len; i++) value[i] = (unsigned char)(number * 31 + i * 7 + len);
}

static void push(struct ends *ends, uint64_t number, int64_t timeout) {
    unsigned char value[LONGEST];
    fill(value, ends->len, number);
    must("push", ends->len, shmr_push(ends->tx, value, ends->len, timeout));
}

/* The bytes behind the value stay as they are. */
static void pop(struct ends *ends, uint64_t number, int64_t timeout) {
    unsigned char expected[LONGEST + 8], found[LONGEST + 8];
    memset(expected, 0xa5, sizeof expected);
    memset(found, 0xa5, sizeof found);
    fill(expected, ends->len, number);
    int64_t len = must("pop", ends->len, shmr_pop(ends->rx, found, sizeof found, timeout));
    if ((size_t)len != ends->len || memcmp(expected, found, sizeof found) != 0) {
        fprintf(stderr, "value %llu of %zu bytes is another one\n", (unsigned long long)number, ends->len);
        exit(1);
    }
}

static struct ends open_ends(size_t len, uint32_t flags) {
    shmr_options options = {.size = sizeof options, .item_size = len, .align = 1, .items = ITEMS, .flags = flags,
                            .wait = SHMR_WAIT_PARK};
    struct ends ends = {.len = len};
    shmr_ring *ring;
    must("create", len, shmr_ring_create(shmr_memfd("lengths"), &options, &ring));
    must("producer", len, shmr_ring_producer(ring, &ends.tx));
    must("consumer", len, shmr_ring_consumer(ring, &ends.rx));
    must("close", len, shmr_ring_close(ring));
    return ends;
}

static void close_ends(struct ends *ends) {
    must("close", ends->len, shmr_producer_close(ends->tx));
    must("close", ends->len, shmr_consumer_close(ends->rx));
}

static void by_one_thread(size_t len, uint32_t flags) {
    struct ends ends = open_ends(len, flags);
    uint64_t pushed = 0, popped = 0;
    unsigned char value[LONGEST];
    fill(value, len, 0);
    /* A conversation, then runs of every length up to a full ring. */
    for (; pushed < 5; popped++) {
        push(&ends, pushed++, SHMR_TRY);
        pop(&ends, popped, SHMR_TRY);
    }
    for (size_t run = 1; run <= ITEMS; run++) {
        while (pushed - popped < run) push(&ends, pushed++, run % 2 ? SHMR_TRY : SHMR_FOREVER);
        if (run == ITEMS && shmr_push(ends.tx, value, len, SHMR_TRY) != SHMR_FULL) exit(1);
        while (popped < pushed - run / 2) pop(&ends, popped++, run % 2 ? SHMR_TRY : SHMR_FOREVER);
    }
    while (popped < pushed) pop(&ends, popped++, SHMR_TRY);
    if (shmr_pop(ends.rx, value, sizeof value, SHMR_TRY) != SHMR_EMPTY) exit(1);
    if (shmr_pop(ends.rx, value, sizeof value, SHMR_MICROSECONDS(10)) != SHMR_TIMED_OUT) exit(1);
    close_ends(&ends);
}

/* Batches, over the end of the ring too: what is pushed by one call is popped by others. */
static void in_batches(size_t len) {
    struct ends ends = open_ends(len, 0);
    static unsigned char given[ITEMS * LONGEST], found[ITEMS * LONGEST];
    uint64_t pushed = 0, popped = 0;
    for (size_t batch = 1; batch <= ITEMS; batch++) {
        for (size_t i = 0; i < batch; i++) fill(given + i * len, len, pushed + i);
        int64_t count = must("push_values", len, shmr_push_values(ends.tx, given, batch, batch % 2 ? SHMR_TRY : SHMR_FOREVER));
        if ((size_t)count != batch) exit(1);
        pushed += batch;
        while (popped < pushed) {
            size_t most = 1 + (size_t)(popped % 17);
            memset(found, 0xa5, sizeof found);
            count = must("pop_values", len, shmr_pop_values(ends.rx, found, most, popped % 2 ? SHMR_TRY : SHMR_FOREVER));
            for (int64_t i = 0; i < count; i++) fill(given + (size_t)i * len, len, popped + (uint64_t)i);
            size_t bytes = (size_t)count * len;
            if (memcmp(given, found, bytes) != 0 || found[bytes] != 0xa5) {
                fprintf(stderr, "a batch at %llu of %zu bytes is another one\n", (unsigned long long)popped, len);
                exit(1);
            }
            popped += (uint64_t)count;
        }
    }
    for (size_t i = 0; i < ITEMS; i++) fill(given + i * len, len, i);
    if (shmr_push_values(ends.tx, given, ITEMS, SHMR_TRY) != ITEMS) exit(1);
    if (shmr_push_values(ends.tx, given, 1, SHMR_TRY) != SHMR_FULL) exit(1);
    close_ends(&ends);
}

enum { SLOWLY = 30, AT_ONCE = 20000 };

static int consumer(void *context) {
    struct ends *ends = context;
    for (uint64_t number = 0; number < SLOWLY + AT_ONCE; number++) {
        /* The producer, which fills the ring meanwhile, sleeps too. */
        if (number == SLOWLY + 100) thrd_sleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
        pop(ends, number, SHMR_SECONDS(20));
    }
    return 0;
}

static void to_a_thread_that_sleeps(size_t len, uint32_t flags) {
    struct ends ends = open_ends(len, flags);
    thrd_t thread;
    if (thrd_create(&thread, consumer, &ends) != thrd_success) exit(1);
    for (uint64_t number = 0; number < SLOWLY + AT_ONCE; number++) {
        if (number < SLOWLY) thrd_sleep(&(struct timespec){.tv_nsec = 300000}, NULL);
        push(&ends, number, SHMR_SECONDS(20));
    }
    thrd_join(thread, NULL);
    /* The consumer was woken by pushes, and not by the end of its patience alone. */
    shmr_stats producer, consumer;
    must("stats", len, shmr_producer_stats(ends.tx, &producer));
    must("stats", len, shmr_consumer_stats(ends.rx, &consumer));
    if (producer.wakes_sent == 0 || consumer.sleeps == 0) {
        fprintf(stderr, "nobody slept and was woken with %zu bytes\n", len);
        exit(1);
    }
    close_ends(&ends);
}

int main(void) {
    for (size_t len = 1; len <= LONGEST; len++) {
        by_one_thread(len, 0);
        if (len < LONGEST) in_batches(len);
    }
    for (size_t len = 4; len <= 256; len *= 2) {
        by_one_thread(len, SHMR_NO_MEMBARRIER);
        to_a_thread_that_sleeps(len, 0);
    }
    to_a_thread_that_sleeps(64, SHMR_NO_MEMBARRIER);
    to_a_thread_that_sleeps(100, 0);
    return 0;
}
