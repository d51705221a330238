/* A server whose event loop watches a ring beside other descriptors, here a timer, with epoll:
 *
 *     event-loop serve NAME
 *     event-loop feed NAME COUNT
 *
 * The server adds up the measurements that the feed publishes. A second of silence, which the timer watches, makes it say
 * how much there is. A ring is one more descriptor to the loop: readable when there is something to read, the feed closes, or
 * dies. The feed does not know that the server has a loop: it publishes as for a thread that waits. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <shm_ring.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct measurement {
    uint64_t number;
    double value;
};

static const shmr_options options = {
    .size = sizeof options,
    SHMR_ITEM(struct measurement),
    .items = 4096,
    .label = "measurements v1",
    .flags = SHMR_UNLINK_ON_CLOSE,
};

static int64_t must(int64_t result) {
    if (result < 0) {
        fprintf(stderr, "%s\n", shmr_text(result));
        exit(1);
    }
    return result;
}

static int system_must(const char *what, int result) {
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

/* What the server keeps between two events. */
struct server {
    shmr_consumer *rx;
    shmr_end end;
    int silence;
    uint64_t count;
    double sum;
    uint64_t reported;
};

static void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    system_must("epoll_ctl", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
}

static void a_second_from_now(int timer) {
    struct itimerspec second = {.it_value.tv_sec = 1};
    system_must("timerfd_settime", timerfd_settime(timer, 0, &second, NULL));
}

/* Takes what is there, a hundred at a time, so that a busy feed does not keep the loop from its other descriptors. Returns
 * whether the loop may wait: nothing is there, and the ring's descriptor says when there is. */
static bool serve_ring(struct server *server, bool *over) {
    struct measurement some[100];
    int64_t count = shmr_pop_values(server->rx, some, 100, SHMR_TRY);
    if (count > 0) {
        for (int64_t i = 0; i < count; i++) server->sum += some[i].value;
        server->count += (uint64_t)count;
        a_second_from_now(server->silence);
        return false;
    }
    if (count != SHMR_EMPTY) must(count);
    int armed = shmr_arm(&server->end);
    if (armed == SHMR_PEER_DEAD) {
        printf("the feed died; start it again\n");
        fflush(stdout);
        /* From now on the descriptor waits for the next one. */
        server->end.awaits_peer = 1;
        armed = shmr_arm(&server->end);
    }
    if (armed == 1) server->end.awaits_peer = 0;
    *over = armed == SHMR_CLOSED;
    if (!*over) must(armed);
    return armed == 0;
}

static void report(struct server *server) {
    if (server->count == server->reported) return;
    printf("silence after %llu measurements\n", (unsigned long long)server->count);
    fflush(stdout);
    server->reported = server->count;
}

static void serve(const char *name) {
    struct server server = {.silence = system_must("timerfd", timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC))};
    must(shmr_consumer_open_or_create(shmr_named(name), &options, &server.rx));
    server.end.consumer = server.rx;
    int epoll = system_must("epoll", epoll_create1(EPOLL_CLOEXEC));
    watch(epoll, server.silence);
    watch(epoll, (int)must(shmr_fd(&server.end)));
    for (bool over = false; !over;) {
        /* Only looks at the others while the ring has something: no waiting, and nobody is forgotten. */
        bool idle = serve_ring(&server, &over);
        struct epoll_event events[2];
        int ready = epoll_wait(epoll, events, 2, idle ? -1 : 0);
        if (ready < 0 && errno != EINTR) system_must("epoll_wait", ready);
        for (int i = 0; i < ready; i++) {
            uint64_t expirations;
            if (events[i].data.fd == server.silence && read(server.silence, &expirations, sizeof expirations) > 0)
                report(&server);
        }
    }
    printf("%llu measurements, mean %.2f\n", (unsigned long long)server.count,
           server.count ? server.sum / (double)server.count : 0.0);
    must(shmr_consumer_close(server.rx));
    close(epoll);
    close(server.silence);
}

static void feed(const char *name, uint64_t count) {
    shmr_producer *tx;
    must(shmr_producer_open_or_create(shmr_named(name), &options, &tx));
    uint64_t position;
    must(shmr_producer_position(tx, &position));
    for (uint64_t number = position / sizeof(struct measurement); number < count; number++) {
        struct measurement one = {number, (double)(number % 100)};
        must(shmr_push(tx, &one, sizeof one, SHMR_FOREVER));
    }
    must(shmr_producer_close(tx));
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "serve") == 0) serve(argv[2]);
    else if (argc == 4 && strcmp(argv[1], "feed") == 0) feed(argv[2], strtoull(argv[3], NULL, 10));
    else {
        fprintf(stderr, "usage: event-loop serve NAME | event-loop feed NAME COUNT\n");
        return 2;
    }
    return 0;
}
