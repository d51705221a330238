/* Ends in an event loop: one side of a ring whose other side is Rust, and what one process alone can check. Owns: what is
 * checked. Knows nothing of: who wakes the loop. */
#define _GNU_SOURCE
#include "is.h"

#include <dirent.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

static const shmr_options options = {.size = sizeof options, .item_size = 8, .align = 8, .items = 64};

static int64_t must(const char *what, int64_t result) {
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, shmr_text(result));
        exit(1);
    }
    return result;
}

static void check(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        exit(1);
    }
}

static int watched(int fd, uint32_t how) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | how, .data.fd = fd};
    check(epoll >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll");
    return epoll;
}

/* Waits for longer than any arming lasts. */
static void wait_for_event(int epoll) {
    struct epoll_event event;
    check(epoll_wait(epoll, &event, 1, 20000) == 1, "the descriptor of an armed end was not readable in time");
}

static int is_readable(int fd, int milliseconds) {
    struct pollfd one = {.fd = fd, .events = POLLIN};
    return poll(&one, 1, milliseconds);
}

static uint32_t any(void) {
    static uint32_t state = 2463534242u;
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

/* Every number once and in order, armed and disarmed at random, until the other side closes or dies; `how` is 0 or EPOLLET. */
static void receive(shmr_place place, uint32_t how) {
    shmr_consumer *rx;
    must("open", shmr_consumer_open_or_create(place, &options, &rx));
    shmr_end end = {.consumer = rx};
    int epoll = watched((int)must("fd", shmr_fd(&end)), how);
    uint64_t next = 0, events = 0;
    int64_t answer;
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        uint64_t some[7];
        size_t count = 1 + any() % 7;
        while ((answer = shmr_pop_values(rx, some, count, SHMR_TRY)) > 0)
            for (int64_t i = 0; i < answer; i++, next++) check(some[i] == next, "a number is missing or comes twice");
        check(answer == SHMR_EMPTY, "a pop that does not wait says something else");
        if (any() % 8 == 0) must("disarm", shmr_disarm(&end));
        answer = shmr_arm(&end);
        /* Found armed already. */
        if (answer == 0 && any() % 8 == 0) answer = shmr_arm(&end);
        if (answer < 0) break;
        if (answer > 0) continue;
        if (any() % 8 == 0) {
            must("disarm", shmr_disarm(&end));
            continue;
        }
        wait_for_event(epoll);
        events += 1;
    }
    printf("%" PRIu64 " numbers, then %s\n", next, answer == SHMR_CLOSED ? "closed" : "dead");
    fflush(stdout);
    check(answer == SHMR_CLOSED || answer == SHMR_PEER_DEAD, "another end");
    check(events > 0, "nobody waited");
    /* The next one is awaited by the same descriptor. */
    if (answer == SHMR_PEER_DEAD) {
        end.awaits_peer = 1;
        while (must("arm", shmr_arm(&end)) == 0) wait_for_event(epoll);
        printf("another\n");
    }
    must("close", shmr_consumer_close(rx));
    close(epoll);
}

static void send_numbers(shmr_place place, uint64_t count) {
    shmr_producer *tx;
    must("open", shmr_producer_open_or_create(place, &options, &tx));
    shmr_end end = {.producer = tx};
    int epoll = watched((int)must("fd", shmr_fd(&end)), 0);
    uint64_t events = 0;
    for (uint64_t number = 0; number < count;) {
        int64_t pushed = shmr_push(tx, &number, sizeof number, SHMR_TRY);
        if (pushed == 0) {
            number += 1;
        } else {
            if (pushed != SHMR_FULL) must("push", pushed);
            if (must("arm", shmr_arm(&end)) == 0) {
                wait_for_event(epoll);
                events += 1;
            }
        }
    }
    check(events > 0, "nobody waited for room");
    must("close", shmr_producer_close(tx));
}

/* Publishes one number, says so by another ring, and stays. */
static void hold(shmr_place place, shmr_place other) {
    shmr_producer *tx, *sign;
    uint64_t number = 0;
    must("open", shmr_producer_open_or_create(place, &options, &tx));
    must("push", shmr_push(tx, &number, sizeof number, SHMR_FOREVER));
    must("open", shmr_producer_open_or_create(other, &options, &sign));
    for (;;) must("push", shmr_push(sign, &number, sizeof number, SHMR_FOREVER));
}

static void pair(shmr_producer **tx, shmr_consumer **rx) {
    shmr_ring *ring;
    must("create", shmr_ring_create(shmr_memfd("events"), &options, &ring));
    must("producer", shmr_ring_producer(ring, tx));
    must("consumer", shmr_ring_consumer(ring, rx));
    must("close", shmr_ring_close(ring));
}

static void answers(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    pair(&tx, &rx);
    uint64_t number = 7;
    shmr_end end = {.consumer = rx};
    int fd = (int)must("fd", shmr_fd(&end));
    IS(shmr_fd(&end), fd);
    check(is_readable(fd, 0) == 0, "readable before it was armed");
    IS(shmr_arm(&end), 0);
    IS(shmr_arm(&end), 0);
    IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
    check(is_readable(fd, 20000) == 1, "a record does not make it readable");
    IS(shmr_arm(&end), 1);
    check(is_readable(fd, 0) == 0, "readable though it was answered");
    IS(shmr_pop(rx, &number, sizeof number, SHMR_TRY), 8);

    /* What was written is taken back, and the other side wakes nobody any more. */
    IS(shmr_arm(&end), 0);
    IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
    check(is_readable(fd, 20000) == 1, "the second record does not make it readable");
    IS(shmr_disarm(&end), 0);
    check(is_readable(fd, 0) == 0, "readable though it was disarmed");
    IS(shmr_disarm(&end), 0);
    IS(shmr_pop(rx, &number, sizeof number, SHMR_TRY), 8);
    IS(shmr_arm(&end), 0);
    IS(shmr_disarm(&end), 0);
    shmr_stats before, after;
    IS(shmr_producer_stats(tx, &before), 0);
    IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
    IS(shmr_producer_stats(tx, &after), 0);
    check(before.wakes_sent == after.wakes_sent, "an end that was disarmed was rung for");
    check(is_readable(fd, 20) == 0, "an end that was disarmed became readable");
    IS(shmr_pop(rx, &number, sizeof number, SHMR_TRY), 8);

    /* An interrupt ends this wait as it ends others, once. */
    shmr_interrupt *interrupt;
    IS(shmr_consumer_interrupt(rx, &interrupt), 0);
    IS(shmr_arm(&end), 0);
    IS(shmr_interrupt_raise(interrupt), 0);
    check(is_readable(fd, 20000) == 1, "an interrupt does not make it readable");
    IS(shmr_arm(&end), SHMR_INTERRUPTED);
    IS(shmr_arm(&end), 0);
    IS(shmr_interrupt_close(interrupt), 0);

    /* The other side goes: again and again, since it stays away. Somebody else is awaited by the same descriptor. */
    IS(shmr_producer_close(tx), 0);
    check(is_readable(fd, 20000) == 1, "the end of the producer does not make it readable");
    IS(shmr_arm(&end), SHMR_CLOSED);
    IS(shmr_arm(&end), SHMR_CLOSED);
    check(is_readable(fd, 0) == 0, "readable though it was answered");
    end.awaits_peer = 1;
    IS(shmr_arm(&end), 0);
    IS(shmr_consumer_close(rx), 0);
    IS(shmr_arm(&end), SHMR_HANDLE);
}

/* An idle end that is armed costs a few events a second, and not thousands. */
static void idle(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    pair(&tx, &rx);
    shmr_end end = {.consumer = rx};
    int fd = (int)must("fd", shmr_fd(&end)), events = 0;
    uint64_t until = shmr_clock_ns() + 1500000000;
    while (shmr_clock_ns() < until) {
        IS(shmr_arm(&end), 0);
        check(is_readable(fd, 20000) == 1, "an arming lasts for ever");
        events += 1;
    }
    check(events < 30, "an idle end keeps its loop busy");
    IS(shmr_consumer_close(rx), 0);
    IS(shmr_producer_close(tx), 0);
}

static int descriptors(void) {
    int count = 0;
    DIR *all = opendir("/proc/self/fd");
    check(all != NULL, "/proc/self/fd");
    while (readdir(all)) count++;
    closedir(all);
    return count;
}

static void open_and_close(int how) {
    shmr_producer *tx;
    shmr_consumer *rx;
    uint64_t number = 1;
    pair(&tx, &rx);
    shmr_end one = {.consumer = rx}, other = {.producer = tx};
    must("fd", shmr_fd(&one));
    IS(shmr_arm(&one), 0);
    if (how % 2) IS(shmr_arm(&other), 1);
    if (how % 3 == 0) IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
    if (how % 5 == 0) IS(shmr_disarm(&one), 0);
    IS(shmr_consumer_close(rx), 0);
    IS(shmr_producer_close(tx), 0);
}

static void closing(void) {
    open_and_close(0);
    int before = descriptors();
    for (int i = 0; i < 1000; i++) open_and_close(i);
    check(descriptors() == before, "a descriptor is left");
}

static void misuse(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    pair(&tx, &rx);
    shmr_end none = {0}, both = {.producer = tx, .consumer = rx};
    IS(shmr_fd(NULL), SHMR_INVALID);
    IS(shmr_arm(NULL), SHMR_INVALID);
    IS(shmr_disarm(NULL), SHMR_INVALID);
    IS(shmr_fd(&none), SHMR_INVALID);
    IS(shmr_arm(&both), SHMR_INVALID);
    shmr_end wrong = {.producer = (shmr_producer *)rx}, end = {.consumer = rx};
    IS(shmr_fd(&wrong), SHMR_HANDLE);
    IS(shmr_arm(&wrong), SHMR_HANDLE);
    IS(shmr_disarm(&wrong), SHMR_HANDLE);
    /* While something is lent: questions, and no arming. */
    uint64_t number = 1;
    const void *values;
    IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
    IS(shmr_peek_values(rx, &values, 1, SHMR_TRY), 1);
    check(shmr_fd(&end) >= 0, "fd while lent");
    IS(shmr_arm(&end), SHMR_BUSY);
    IS(shmr_disarm(&end), 0);
    IS(shmr_release(rx, 1), 1);
    IS(shmr_arm(&end), 0);
    IS(shmr_consumer_close(rx), 0);
    IS(shmr_producer_close(tx), 0);
}

/* A child has its parent's descriptor and must not take a wake-up from it. */
static void forks(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    pair(&tx, &rx);
    shmr_end end = {.consumer = rx}, fresh = {.producer = tx};
    int fd = (int)must("fd", shmr_fd(&end));
    uint64_t number = 1;
    IS(shmr_arm(&end), 0);
    IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
    check(is_readable(fd, 20000) == 1, "a record does not make it readable");
    pid_t child = fork();
    if (child == 0) {
        IS(shmr_fd(&end), SHMR_FORKED);
        IS(shmr_arm(&end), SHMR_FORKED);
        IS(shmr_disarm(&end), SHMR_FORKED);
        IS(shmr_fd(&fresh), SHMR_FORKED);
        IS(shmr_consumer_close(rx), 0);
        /* Its own work, by a helper thread of its own. */
        shmr_producer *own_tx;
        shmr_consumer *own_rx;
        pair(&own_tx, &own_rx);
        shmr_end own = {.consumer = own_rx};
        int own_fd = (int)must("fd", shmr_fd(&own));
        IS(shmr_arm(&own), 0);
        IS(shmr_push(own_tx, &number, sizeof number, SHMR_TRY), 0);
        check(is_readable(own_fd, 20000) == 1, "a record does not wake a child");
        _exit(0);
    }
    int status;
    check(child > 0 && waitpid(child, &status, 0) == child && status == 0, "the child failed");
    check(is_readable(fd, 0) == 1, "the child has taken the wake-up of its parent");
    IS(shmr_arm(&end), 1);
    IS(shmr_pop(rx, &number, sizeof number, SHMR_TRY), 8);
    IS(shmr_arm(&end), 0);
    IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), 0);
    check(is_readable(fd, 20000) == 1, "a record does not make it readable after a fork");
    IS(shmr_consumer_close(rx), 0);
    IS(shmr_producer_close(tx), 0);
}

/* No handler of the program runs in the helper thread: one that is blocked in all threads of the program stays pending. */
static void signals(void) {
    shmr_producer *tx;
    shmr_consumer *rx;
    pair(&tx, &rx);
    shmr_end end = {.consumer = rx};
    IS(shmr_arm(&end), 0);
    sigset_t set, pending;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    check(sigprocmask(SIG_BLOCK, &set, NULL) == 0, "sigprocmask");
    /* Its default is to end the process. */
    check(kill(getpid(), SIGUSR1) == 0 && sigpending(&pending) == 0, "kill");
    check(sigismember(&pending, SIGUSR1) == 1, "another thread took the signal");
    IS(shmr_consumer_close(rx), 0);
    IS(shmr_producer_close(tx), 0);
}

int main(int argc, char **argv) {
    if (argc < 2) return 2;
    shmr_place place = shmr_named(argc > 2 ? argv[2] : "");
    if (strcmp(argv[1], "receive") == 0) receive(place, 0);
    else if (strcmp(argv[1], "receive-edges") == 0) receive(place, EPOLLET);
    else if (strcmp(argv[1], "send") == 0) send_numbers(place, strtoull(argv[3], NULL, 10));
    else if (strcmp(argv[1], "hold") == 0) hold(place, shmr_named(argv[3]));
    else if (strcmp(argv[1], "alone") == 0) {
        answers();
        misuse();
        closing();
        forks();
        signals();
        idle();
    } else return 2;
    return 0;
}
