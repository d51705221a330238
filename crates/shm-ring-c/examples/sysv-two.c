/* Type lines in one terminal, see them upper-cased in another, instead of a System V segment and two semaphores that take
 * turns:
 *
 *     sysv-two receive
 *     sysv-two send
 *
 * Either may be started first. The receiver prints each character of a line in upper case; `end` ends both. Both sleep while
 * there is nothing to do, as the original does, without its four system calls a message: the kernel is asked only to sleep
 * and to wake. Kill the sender (kill -9) and start it again: the receiver says so and goes on. The original would wait for
 * ever, or need its semaphores removed by hand. */
#include <ctype.h>
#include <shm_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same on both sides: the last of them to leave removes the name. */
static const shmr_options options = {
    .size = sizeof options,
    .bytes = 1 << 16,
    .label = "lines of text",
    .flags = SHMR_UNLINK_ON_CLOSE,
    .wait = SHMR_WAIT_PARK,
};

static int64_t must(int64_t result) {
    if (result < 0) {
        fprintf(stderr, "%s\n", shmr_text(result));
        exit(1);
    }
    return result;
}

static void send_lines(const char *name) {
    shmr_producer *tx;
    must(shmr_producer_open_or_create(shmr_named(name), &options, &tx));
    char line[1024];
    do {
        printf("write data: ");
        fflush(stdout);
        /* The end of the input ends both too. */
        if (!fgets(line, sizeof line, stdin)) strcpy(line, "end");
        line[strcspn(line, "\n")] = 0;
        must(shmr_push(tx, line, strlen(line), SHMR_FOREVER));
    } while (strcmp(line, "end") != 0);
    must(shmr_producer_close(tx));
}

static void receive_lines(const char *name) {
    shmr_consumer *rx;
    must(shmr_consumer_open_or_create(shmr_named(name), &options, &rx));
    for (;;) {
        char line[1024];
        int64_t len = shmr_pop(rx, line, sizeof line, SHMR_FOREVER);
        if (len == SHMR_PEER_DEAD) {
            /* A death is not final: whoever becomes the producer next goes on where this one stopped. */
            printf("the sender died; start it again\n");
            fflush(stdout);
            shmr_peer peer;
            must(shmr_consumer_wait_for_peer(rx, SHMR_FOREVER, &peer));
            continue;
        }
        must(len);
        if (len == 3 && memcmp(line, "end", 3) == 0) break;
        for (int64_t i = 0; i < len; i++) putchar(toupper((unsigned char)line[i]));
        putchar('\n');
        fflush(stdout);
    }
    must(shmr_consumer_close(rx));
}

int main(int argc, char **argv) {
    const char *name = argc > 2 ? argv[2] : "/shm-ring-sysv-two-c";
    if (argc > 1 && strcmp(argv[1], "send") == 0) send_lines(name);
    else if (argc > 1 && strcmp(argv[1], "receive") == 0) receive_lines(name);
    else {
        fprintf(stderr, "say what to do: send or receive\n");
        return 1;
    }
    return 0;
}
