/* A latest value in C: `write` NAME COUNT, or `read` NAME COUNT. Owns: what is written. */
#include <inttypes.h>
#include <shm_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pose {
    uint64_t number;
    uint64_t copies[10];
};

static int64_t must(const char *what, int64_t result) {
    if (result < 0) {
        fprintf(stderr, "%s: %s\n", what, shmr_text(result));
        exit(1);
    }
    return result;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    static const shmr_options options = {.size = sizeof options, SHMR_ITEM(struct pose), .history = 7};
    uint64_t count = strtoull(argv[3], NULL, 10), last = 0;
    shmr_latest *latest;
    must("open", shmr_latest_open_or_create(shmr_named(argv[2]), &options, &latest));
    struct pose pose;
    if (strcmp(argv[1], "write") == 0) {
        shmr_writer *writer;
        must("writer", shmr_latest_writer(latest, &writer));
        must("version", shmr_writer_version(writer, &last));
        for (uint64_t number = last + 1; number <= count; number++) {
            pose.number = number;
            for (int i = 0; i < 10; i++) pose.copies[i] = number;
            must("write", shmr_write(writer, &pose, sizeof pose));
        }
        must("notify", shmr_notify(writer));
        if (shmr_write(writer, &pose, 3) != SHMR_WRONG_LENGTH) return 3;
        must("close", shmr_writer_close(writer));
    } else {
        shmr_reader *reader;
        must("reader", shmr_latest_reader(latest, &reader));
        uint64_t lost, missed = 0, seen = 0, version;
        if (shmr_read(reader, &pose, 3) != SHMR_WRONG_LENGTH) return 3;
        int64_t answer = shmr_read(reader, &pose, sizeof pose);
        if (answer == 0) last = pose.number;
        printf("ready\n");
        fflush(stdout);
        while (last < count) {
            answer = shmr_next(reader, &pose, sizeof pose, SHMR_SECONDS(30), &lost);
            if (answer == SHMR_LAGGED) {
                missed += lost;
                last += lost;
                continue;
            }
            must("next", answer);
            if (pose.number != last + 1) return 4;
            for (int i = 0; i < 10; i++)
                if (pose.copies[i] != pose.number) return 5;
            must("version", shmr_reader_version(reader, &version));
            if (version != pose.number) return 6;
            last = pose.number;
            seen += 1;
        }
        answer = shmr_read_newer(reader, &pose, sizeof pose, SHMR_SECONDS(30));
        if (answer != SHMR_CLOSED) return 7;
        printf("%" PRIu64 " seen and missed\n", seen + missed);
        must("close", shmr_reader_close(reader));
    }
    must("close", shmr_latest_close(latest));
    return 0;
}
