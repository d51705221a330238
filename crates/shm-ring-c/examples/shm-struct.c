/* A struct of three numbers handed over by name, instead of shm_open, ftruncate to four gigabytes and mmap:
 *
 *     shm-struct write    creates the region, stores the struct, ends
 *     shm-struct read     prints it and removes the region
 *
 * The region outlives its writer, as those of the textbook do. What is new: the reader cannot come too early, cannot take
 * another struct for this one (size, alignment and label are checked), and nobody else may open it. Four gigabytes are
 * reserved, and cost the few pages that were touched. */
#include <shm_ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct numbers {
    int first;
    int second;
    int third;
};

static const shmr_options options = {
    .size = sizeof options,
    SHMR_ITEM(struct numbers),
    .bytes = 4000000000,
    .flags = SHMR_SPARSE,
    .label = "three numbers",
};

/* Ends the program with the words to an error. */
static int must(int result) {
    if (result < 0) {
        fprintf(stderr, "%s\n", shmr_text(result));
        exit(1);
    }
    return result;
}

static void write_numbers(const char *name) {
    shmr_ring *ring;
    must(shmr_ring_create(shmr_named(name), &options, &ring));
    shmr_producer *tx;
    must(shmr_ring_producer(ring, &tx));
    struct numbers numbers = {100, 876, 8021};
    must(shmr_push(tx, &numbers, sizeof numbers, SHMR_FOREVER));
    must(shmr_producer_close(tx));

    shmr_info info;
    must(shmr_ring_describe(ring, &info));
    struct stat found;
    if (fstat(shmr_ring_fd(ring), &found) == 0)
        printf("%s has room for %zu bytes\nit takes %lld bytes of memory, mode %04o\n", name, info.limit_bytes,
               (long long)found.st_blocks * 512, (unsigned)found.st_mode & 0777);
    must(shmr_ring_close(ring));
}

static void read_numbers(const char *name) {
    shmr_consumer *rx;
    must(shmr_consumer_open(shmr_named(name), &options, &rx));
    struct numbers numbers;
    int64_t popped = shmr_pop(rx, &numbers, sizeof numbers, SHMR_FOREVER);
    must((int)popped);
    printf("first %d, second %d, third %d\n", numbers.first, numbers.second, numbers.third);
    must(shmr_consumer_close(rx));
    must(shmr_unlink_unused(shmr_named(name), NULL));
}

int main(int argc, char **argv) {
    const char *name = argc > 2 ? argv[2] : "/shm-ring-shm-struct-c";
    if (argc > 1 && strcmp(argv[1], "write") == 0) write_numbers(name);
    else if (argc > 1 && strcmp(argv[1], "read") == 0) read_numbers(name);
    else {
        fprintf(stderr, "say what to do: write or read\n");
        return 1;
    }
    return 0;
}
