/* Prints sizes and offsets of what crosses the border. Owns: the list. */
#include <shm_ring.h>
#include <stdio.h>

#define SIZE(name) printf(#name " %zu\n", sizeof(shmr_##name))
#define FIELD(name, field) printf(#name "." #field " %zu\n", offsetof(shmr_##name, field))

int main(void) {
    SIZE(span), FIELD(span, data), FIELD(span, len);
    SIZE(place), FIELD(place, kind), FIELD(place, fd), FIELD(place, name), FIELD(place, pid);
    SIZE(options), FIELD(options, size), FIELD(options, item_size), FIELD(options, align), FIELD(options, schema);
    FIELD(options, items), FIELD(options, bytes), FIELD(options, history), FIELD(options, max_capacity);
    FIELD(options, label), FIELD(options, mode), FIELD(options, group), FIELD(options, flags), FIELD(options, wait);
    FIELD(options, spins), FIELD(options, yields), FIELD(options, spin_for_ns), FIELD(options, attach_timeout_ns);
    SIZE(info), FIELD(info, item_size), FIELD(info, align), FIELD(info, schema), FIELD(info, limit_bytes);
    FIELD(info, id);
    SIZE(peer), FIELD(peer, state), FIELD(peer, pid), FIELD(peer, session), FIELD(peer, released);
    SIZE(stats), FIELD(stats, waits), FIELD(stats, sleeps), FIELD(stats, wakes_sent), FIELD(stats, high_water);
    FIELD(stats, dropped);
    SIZE(end), FIELD(end, producer), FIELD(end, consumer), FIELD(end, awaits_peer);
    return 0;
}
