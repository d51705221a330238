/* Every call of each kind of handle. Owns: the list. */
#include "is.h"

/* Every call on an end, of which none may do anything. */
static void all_of_a_producer(shmr_producer *tx, int64_t expected) {
    shmr_end end = {.producer = tx, .consumer = NULL, .awaits_peer = 0, .unused = 0};
    uint64_t number = 7;
    void *room;
    shmr_peer peer;
    shmr_stats stats;
    shmr_interrupt *interrupt;
    shmr_span span = {&number, sizeof number};
    IS(shmr_push(tx, &number, sizeof number, SHMR_TRY), expected);
    IS(shmr_push_values(tx, &number, 1, SHMR_TRY), expected);
    IS(shmr_push_messages(tx, &span, 1, SHMR_TRY), expected);
    IS(shmr_push_all(tx, &span, 1, SHMR_TRY), expected);
    IS(shmr_push_parts(tx, &span, 1, SHMR_TRY), expected);
    IS(shmr_reserve(tx, 1, &room, SHMR_TRY), expected);
    IS(shmr_commit(tx, 1), expected);
    IS(shmr_cancel(tx), expected);
    IS(shmr_wait_room(tx, 1, SHMR_TRY), expected);
    IS(shmr_room(tx), expected);
    IS(shmr_producer_set_threshold(tx, 1), expected);
    IS(shmr_count_dropped(tx, 1), expected);
    IS(shmr_producer_item_size(tx), expected);
    IS(shmr_producer_capacity(tx), expected);
    IS(shmr_producer_peer(tx, &peer), expected);
    IS(shmr_producer_wait_for_peer(tx, SHMR_TRY, &peer), expected);
    IS(shmr_producer_wait_for_end(tx, SHMR_TRY, &peer), expected);
    IS(shmr_producer_is_closed(tx), expected);
    IS(shmr_producer_position(tx, &number), expected);
    IS(shmr_producer_session(tx, &number), expected);
    IS(shmr_producer_stats(tx, &stats), expected);
    IS(shmr_producer_has_lost_its_name(tx), expected);
    IS(shmr_producer_set_wait(tx, SHMR_WAIT_PARK, 0, 0, 0), expected);
    IS(shmr_producer_interrupt(tx, &interrupt), expected);
    /* An end without a handle is no end at all. */
    int64_t of_end = tx ? expected : SHMR_INVALID;
    IS(shmr_fd(&end), of_end);
    IS(shmr_arm(&end), of_end);
    IS(shmr_disarm(&end), of_end);
}

static void all_of_a_consumer(shmr_consumer *rx, int64_t expected) {
    shmr_end end = {.producer = NULL, .consumer = rx, .awaits_peer = 0, .unused = 0};
    uint64_t number;
    const void *values;
    shmr_peer peer;
    shmr_stats stats;
    shmr_interrupt *interrupt;
    shmr_span span;
    IS(shmr_pop(rx, &number, sizeof number, SHMR_TRY), expected);
    IS(shmr_pop_values(rx, &number, 1, SHMR_TRY), expected);
    IS(shmr_pop_messages(rx, &number, sizeof number, &span, 1, SHMR_TRY), expected);
    IS(shmr_next_len(rx, SHMR_TRY), expected);
    IS(shmr_peek_values(rx, &values, 1, SHMR_TRY), expected);
    IS(shmr_peek_messages(rx, &span, 1, SHMR_TRY), expected);
    IS(shmr_release(rx, 1), expected);
    IS(shmr_release_to(rx, 8), expected);
    IS(shmr_skip_unread(rx), expected);
    IS(shmr_wait_records(rx, 1, SHMR_TRY), expected);
    IS(shmr_unread(rx), expected);
    IS(shmr_consumer_set_threshold(rx, 1, 1), expected);
    IS(shmr_consumer_item_size(rx), expected);
    IS(shmr_consumer_capacity(rx), expected);
    IS(shmr_consumer_peer(rx, &peer), expected);
    IS(shmr_consumer_wait_for_peer(rx, SHMR_TRY, &peer), expected);
    IS(shmr_consumer_wait_for_end(rx, SHMR_TRY, &peer), expected);
    IS(shmr_consumer_is_closed(rx), expected);
    IS(shmr_consumer_position(rx, &number), expected);
    IS(shmr_consumer_session(rx, &number), expected);
    IS(shmr_consumer_stats(rx, &stats), expected);
    IS(shmr_consumer_has_lost_its_name(rx), expected);
    IS(shmr_consumer_set_wait(rx, SHMR_WAIT_PARK, 0, 0, 0), expected);
    IS(shmr_consumer_interrupt(rx, &interrupt), expected);
    /* An end without a handle is no end at all. */
    int64_t of_end = rx ? expected : SHMR_INVALID;
    IS(shmr_fd(&end), of_end);
    IS(shmr_arm(&end), of_end);
    IS(shmr_disarm(&end), of_end);
}

static void all_of_the_rest(void *handle, int64_t expected) {
    uint64_t number = 7;
    shmr_producer *tx;
    shmr_consumer *rx;
    shmr_writer *writer;
    shmr_reader *reader;
    shmr_info info;
    shmr_peer peer;
    IS(shmr_ring_producer(handle, &tx), expected);
    IS(shmr_ring_consumer(handle, &rx), expected);
    IS(shmr_ring_fd(handle), expected);
    IS(shmr_ring_fd_for_one_role(handle), expected);
    IS(shmr_ring_describe(handle, &info), expected);
    IS(shmr_ring_has_lost_its_name(handle), expected);
    IS(shmr_latest_writer(handle, &writer), expected);
    IS(shmr_latest_reader(handle, &reader), expected);
    IS(shmr_latest_fd(handle), expected);
    IS(shmr_latest_history(handle), expected);
    IS(shmr_write(handle, &number, sizeof number), expected);
    IS(shmr_notify(handle), expected);
    IS(shmr_writer_version(handle, &number), expected);
    IS(shmr_read(handle, &number, sizeof number), expected);
    IS(shmr_read_newer(handle, &number, sizeof number, SHMR_TRY), expected);
    IS(shmr_next(handle, &number, sizeof number, SHMR_TRY, NULL), expected);
    IS(shmr_start_at_oldest(handle), expected);
    IS(shmr_has_newer(handle), expected);
    IS(shmr_reader_version(handle, &number), expected);
    IS(shmr_reader_writer(handle, &peer), expected);
    IS(shmr_reader_has_lost_its_name(handle), expected);
    IS(shmr_interrupt_raise(handle), expected);
}
