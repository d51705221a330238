/* One side of a ring in C, for the tests: the other side is Rust. Owns: what crosses, and that it is checked. */
#include <inttypes.h>
#include <shm_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tick {
    uint64_t number;
    uint64_t square;
};

static const shmr_options values = {
    .size = sizeof values, SHMR_ITEM(struct tick), .items = 1000, .schema = 7, .label = "ticks"};
static const shmr_options messages = {.size = sizeof messages, .bytes = 8192, .label = "texts"};

static int64_t must(const char *what, int64_t result) {
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, shmr_text(result));
        exit(1);
    }
    return result;
}

static void check(int holds, const char *what, uint64_t number) {
    if (!holds) {
        fprintf(stderr, "%s at %" PRIu64 "\n", what, number);
        exit(1);
    }
}

static size_t at_most(uint64_t left, size_t count) { return left < count ? (size_t)left : count; }

static struct tick tick_of(uint64_t number) {
    struct tick tick = {number, number * number};
    return tick;
}

/* Goes on where the last producer stopped: the position says how many there were. */
static void send_values(shmr_place place, uint64_t end) {
    shmr_producer *tx;
    must("open", shmr_producer_open_or_create(place, &values, &tx));
    uint64_t position;
    must("position", shmr_producer_position(tx, &position));
    uint64_t number = position / sizeof(struct tick);
    while (number < end) {
        if (number % 3 == 0) {
            struct tick tick = tick_of(number);
            must("push", shmr_push(tx, &tick, sizeof tick, SHMR_FOREVER));
            number += 1;
        } else if (number % 3 == 1) {
            struct tick some[5];
            size_t count = at_most(end - number, 5);
            for (size_t i = 0; i < count; i++) some[i] = tick_of(number + i);
            number += (uint64_t)must("push_values", shmr_push_values(tx, some, count, SHMR_SECONDS(20)));
        } else {
            void *room;
            must("reserve", shmr_reserve(tx, 4, &room, SHMR_FOREVER));
            size_t count = at_most(end - number, 3);
            for (size_t i = 0; i < count; i++) ((struct tick *)room)[i] = tick_of(number + i);
            must("commit", shmr_commit(tx, count));
            number += count;
        }
    }
    must("close", shmr_producer_close(tx));
}

/* Reads until the producer closes; one that died has a successor. */
static void receive_values(shmr_place place) {
    shmr_consumer *rx;
    must("open", shmr_consumer_open_or_create(place, &values, &rx));
    uint64_t position;
    must("position", shmr_consumer_position(rx, &position));
    uint64_t number = position / sizeof(struct tick);
    for (int64_t answer = 0; answer != SHMR_CLOSED;) {
        struct tick some[7];
        const struct tick *seen = some;
        const void *lent = NULL;
        uint64_t way = number % 3;
        if (way == 0) {
            answer = shmr_pop(rx, some, sizeof some, SHMR_FOREVER);
            if (answer > 0) answer = 1;
        } else if (way == 1) {
            answer = shmr_pop_values(rx, some, 7, SHMR_SECONDS(20));
        } else {
            answer = shmr_peek_values(rx, &lent, 7, SHMR_SECONDS(20));
            seen = lent;
        }
        if (answer == SHMR_PEER_DEAD) {
            shmr_peer peer;
            must("wait_for_peer", shmr_consumer_wait_for_peer(rx, SHMR_SECONDS(20), &peer));
            continue;
        }
        if (answer == SHMR_CLOSED) break;
        must("read", answer);
        for (int64_t i = 0; i < answer; i++, number++)
            check(seen[i].number == number && seen[i].square == number * number, "wrong value", number);
        if (lent) must("release", shmr_release(rx, (size_t)answer));
    }
    printf("%" PRIu64 " values\n", number);
    must("close", shmr_consumer_close(rx));
}

static size_t message_of(uint64_t number, unsigned char *to) {
    size_t len = 8 + (size_t)(number * 7 % 120);
    memcpy(to, &number, 8);
    memset(to + 8, (int)(number & 0xff), len - 8);
    return len;
}

static void send_messages(shmr_place place, uint64_t end) {
    shmr_producer *tx;
    must("open", shmr_producer_open_or_create(place, &messages, &tx));
    unsigned char bytes[4][128];
    for (uint64_t number = 0; number < end;) {
        size_t len = message_of(number, bytes[0]);
        void *room;
        shmr_span spans[4] = {{bytes[0], 8}, {bytes[0] + 8, len - 8}, {NULL, 0}, {NULL, 0}};
        switch (number % 4) {
        case 0:
            must("push", shmr_push(tx, bytes[0], len, SHMR_SECONDS(20)));
            number += 1;
            break;
        case 1:
            must("push_parts", shmr_push_parts(tx, spans, 3, SHMR_FOREVER));
            number += 1;
            break;
        case 2:
            must("reserve", shmr_reserve(tx, 128, &room, SHMR_FOREVER));
            memcpy(room, bytes[0], len);
            must("commit", shmr_commit(tx, len));
            number += 1;
            break;
        default: {
            size_t count = at_most(end - number, 4);
            for (size_t i = 0; i < count; i++) {
                spans[i].data = bytes[i];
                spans[i].len = message_of(number + i, bytes[i]);
            }
            if (number % 8 == 3) {
                must("push_all", shmr_push_all(tx, spans, count, SHMR_FOREVER));
                number += count;
            } else {
                number += (uint64_t)must("push_messages", shmr_push_messages(tx, spans, count, SHMR_FOREVER));
            }
        }
        }
    }
    must("close", shmr_producer_close(tx));
}

static void check_message(const void *data, size_t len, uint64_t number) {
    unsigned char expected[128];
    check(message_of(number, expected) == len && memcmp(data, expected, len) == 0, "wrong message", number);
}

static void receive_messages(shmr_place place) {
    shmr_consumer *rx;
    must("open", shmr_consumer_open_or_create(place, &messages, &rx));
    uint64_t number = 0;
    for (;;) {
        unsigned char buffer[512];
        shmr_span spans[4];
        int64_t answer;
        if (number % 3 == 0) {
            answer = shmr_pop(rx, buffer, sizeof buffer, SHMR_FOREVER);
            if (answer >= 0) check_message(buffer, (size_t)answer, number++);
        } else if (number % 3 == 1) {
            answer = shmr_pop_messages(rx, buffer, sizeof buffer, spans, 4, SHMR_SECONDS(20));
            for (int64_t i = 0; i < answer; i++) check_message(spans[i].data, spans[i].len, number++);
        } else {
            answer = shmr_peek_messages(rx, spans, 4, SHMR_SECONDS(20));
            for (int64_t i = 0; i < answer; i++) check_message(spans[i].data, spans[i].len, number++);
            if (answer > 0) must("release", shmr_release(rx, (size_t)answer));
        }
        if (answer == SHMR_CLOSED) break;
        must("read", answer);
    }
    printf("%" PRIu64 " messages\n", number);
    must("close", shmr_consumer_close(rx));
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    shmr_place place = shmr_named(argv[2]);
    uint64_t end = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;
    if (strcmp(argv[1], "send-values") == 0) send_values(place, end);
    else if (strcmp(argv[1], "receive-values") == 0) receive_values(place);
    else if (strcmp(argv[1], "send-messages") == 0) send_messages(place, end);
    else if (strcmp(argv[1], "receive-messages") == 0) receive_messages(place);
    else return 2;
    return 0;
}
