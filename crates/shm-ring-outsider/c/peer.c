/* One side of a ring, written from LAYOUT.md alone: values and messages, sleeping, closing, dying and going on after a
 * death. The tests of shm-ring-c run it against the library both ways, with kills.
 *
 * Owns: the protocol as a reader of LAYOUT.md understands it. Knows nothing of: the library.
 *
 *     peer send-values NAME END | receive-values NAME | send-messages NAME END | receive-messages NAME
 *
 * It opens what the other side creates, and waits for that. Section names in brackets are those of LAYOUT.md. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { VALUES = 1, MESSAGES = 2 };
enum { POSITION = 0, FRONT = 8, WAKE_AT = 128, HINT = 136, BELL = 256, SESSION = 384, FENCE_MODE = 392, PID = 396,
       PID_NAMESPACE = 400, LIVENESS = 512, DIED = 768, START = 776, TOLD = 824 };
#define UNUSABLE ((uint64_t)1 << 63)
#define POSITION_MAX ((uint64_t)1 << 62)
#define NEVER UINT64_MAX

static _Noreturn void fail(const char *why) {
    fprintf(stderr, "%s (%s)\n", why, strerror(errno));
    exit(1);
}

static void require(bool holds, const char *what) {
    if (!holds) fail(what);
}

struct ring {
    uint8_t *mine, *theirs, *data;
    uint64_t page, capacity, limit, unit, align; /* unit: the size of a value, or A. */
    uint32_t kind;
    uint64_t position; /* Ours. */
    uint64_t seen;     /* Theirs, when it was loaded last. */
    uint64_t rung_for; /* The wake_at that we have rung for. */
    uint64_t session;
    uint64_t mine_from; /* [Ends], of a consumer. */
    int lock;
    bool producer;
};

static _Atomic uint64_t *word(uint8_t *page, int at) { return (_Atomic uint64_t *)(page + at); }
static _Atomic uint32_t *half(uint8_t *page, int at) { return (_Atomic uint32_t *)(page + at); }
static uint64_t load(uint8_t *page, int at) { return atomic_load_explicit(word(page, at), memory_order_relaxed); }
static void store(uint8_t *page, int at, uint64_t value) {
    atomic_store_explicit(word(page, at), value, memory_order_relaxed);
}
static void acquire(void) { atomic_thread_fence(memory_order_acquire); }
/* [Records]: what stands above the length in a record header at position p. */
static uint64_t upper_half(uint64_t p) { return (p >> 3 & 0x7fffffff) | 0x80000000; }
static uint64_t round_up(uint64_t x, uint64_t to) { return (x + to - 1) & ~(to - 1); }

/* ---- [Sleeping and waking] ---- */

static void ring_bell(struct ring *r) {
    atomic_fetch_add_explicit(half(r->mine, BELL), 1, memory_order_release);
    syscall(SYS_futex, half(r->mine, BELL), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* After each store of our position. Our fence mode is 2: a full fence, always. */
static void wake(struct ring *r) {
    atomic_thread_fence(memory_order_seq_cst);
    uint64_t wake_at = load(r->theirs, WAKE_AT);
    if (r->position >= wake_at && r->rung_for != wake_at) {
        r->rung_for = wake_at;
        ring_bell(r);
    } else if (wake_at == NEVER) {
        r->rung_for = NEVER;
    }
}

static uint64_t their_position(struct ring *r) {
    uint64_t loaded = load(r->theirs, POSITION);
    atomic_thread_fence(memory_order_acq_rel);
    uint64_t position = r->producer ? loaded : loaded & ~UNUSABLE;
    bool possible = position < POSITION_MAX;
    if (r->producer) {
        possible = possible && position <= r->position && r->position - position <= r->limit;
        possible = possible && (r->position - position) % (r->kind == VALUES ? r->unit : 1) == 0;
        possible = possible && (r->kind == VALUES || position % r->align == 0);
    } else {
        possible = possible && position >= r->seen && position - r->position <= r->limit;
        possible = possible && (position - r->position) % r->unit == 0;
    }
    require(possible, "the other side's position cannot be");
    r->seen = position;
    return position;
}

/* ---- [Roles] ---- */

struct look {
    uint64_t session, died, newest, began, died_before, tail;
    bool held, dead, closed;
};

static struct look look(struct ring *r) {
    for (;;) {
        struct look l = {0};
        l.session = atomic_load_explicit(word(r->theirs, SESSION), memory_order_acquire);
        uint32_t liveness = atomic_load_explicit(half(r->theirs, LIVENESS), memory_order_acquire);
        struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = (off_t)r->page};
        lock.l_start = (off_t)(r->producer ? 2 * r->page : r->page);
        require(fcntl(r->lock, F_OFD_GETLK, &lock) == 0, "F_OFD_GETLK");
        l.held = lock.l_type != F_UNLCK;
        acquire();
        l.died = load(r->theirs, DIED);
        l.newest = l.session % 2 ? l.session : l.session - 1;
        int start = START + 24 * (int)((l.newest >> 1) & 1);
        l.began = UINT64_MAX;
        if (load(r->theirs, start) == l.newest) {
            l.began = load(r->theirs, start + 8);
            l.died_before = load(r->theirs, start + 16);
        }
        l.tail = load(r->theirs, POSITION) & ~UNUSABLE;
        acquire();
        if (atomic_load_explicit(word(r->theirs, SESSION), memory_order_relaxed) != l.session) continue;
        bool odd = l.session % 2 == 1;
        l.dead = odd && ((liveness & 1u << 30) || l.died == l.session || !l.held);
        l.closed = l.session != 0 && !odd;
        return l;
    }
}

enum end { NONE, CLOSED, DEAD };

/* [Ends]: which end of the producer a consumer is to be told of now, which is noted. */
static enum end due(struct ring *r) {
    struct look l = look(r);
    if (l.session == 0) return NONE;
    uint64_t told = load(r->mine, TOLD);
    uint64_t from = r->mine_from > told + 1 ? r->mine_from : told + 1;
    bool over = l.closed || l.dead;
    enum end end = NONE;
    uint64_t of = 0;
    if (l.newest >= 3 && l.newest - 2 >= from && l.began != UINT64_MAX && r->position >= l.began) {
        end = l.died_before >= from ? DEAD : CLOSED;
        of = l.newest - 2;
    }
    if (over && l.newest >= from && r->position == l.tail) {
        end = l.dead || l.died_before >= from ? DEAD : CLOSED;
        of = l.newest;
    }
    if (end != NONE) store(r->mine, TOLD, of);
    return end;
}

/* Sleeps until the other side's position reaches `target`, or something else may have changed. */
static void nap(struct ring *r, uint64_t target) {
    uint32_t bell = atomic_load_explicit(half(r->theirs, BELL), memory_order_acquire);
    store(r->mine, WAKE_AT, target);
    atomic_thread_fence(memory_order_seq_cst);
    bool needs_barrier = atomic_load_explicit(half(r->theirs, FENCE_MODE), memory_order_relaxed) != 2;
    bool failed = needs_barrier && syscall(SYS_membarrier, 2 /* GLOBAL_EXPEDITED */, 0, 0) != 0;
    bool other_sleeps = load(r->theirs, WAKE_AT) != NEVER;
    if (r->producer && other_sleeps) ring_bell(r);
    bool there = their_position(r) >= target || (!r->producer && other_sleeps && r->seen != r->position);
    struct look l = look(r);
    bool over = l.dead || l.closed;
    bool untold = !r->producer && over && l.newest >= r->mine_from && l.newest > load(r->mine, TOLD);
    if (!there && !untold) {
        struct timespec time = {0, failed ? 1000000 : 100000000};
        syscall(SYS_futex, half(r->theirs, BELL), FUTEX_WAIT, bell, &time, NULL, 0);
    }
    store(r->mine, WAKE_AT, NEVER);
}

/* [Roles], attaching. Takes the lock through a description of its own; false if the name has gone meanwhile. */
static bool take_role(struct ring *r, int fd) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    r->lock = open(path, O_RDWR | O_CLOEXEC);
    require(r->lock >= 0, "open for the lock");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = (off_t)r->page};
    lock.l_start = (off_t)(r->producer ? r->page : 2 * r->page);
    for (int tries = 0; fcntl(r->lock, F_OFD_SETLK, &lock) != 0; tries++) {
        require((errno == EAGAIN || errno == EACCES) && tries < 5000, "the role is taken");
        usleep(1000);
    }
    struct stat found;
    require(fstat(fd, &found) == 0, "fstat");
    return found.st_nlink == 1;
}

static void attach(struct ring *r) {
    uint64_t own = load(r->mine, POSITION);
    r->position = r->producer ? own & ~UNUSABLE : own;
    require(r->position < POSITION_MAX && r->position % r->unit == 0, "our position cannot be");
    r->seen = r->producer ? 0 : r->position;
    r->rung_for = NEVER;
    their_position(r);
    atomic_store_explicit(half(r->mine, FENCE_MODE), 2, memory_order_relaxed);
    atomic_store_explicit(half(r->mine, PID), (uint32_t)getpid(), memory_order_relaxed);
    struct stat namespace;
    store(r->mine, PID_NAMESPACE, stat("/proc/self/ns/pid", &namespace) == 0 ? namespace.st_ino : 0);
    uint64_t before = load(r->mine, SESSION);
    if (r->producer && before % 2) store(r->mine, DIED, before);
    atomic_store_explicit(half(r->mine, LIVENESS), 0, memory_order_release);
    store(r->mine, WAKE_AT, NEVER);
    if (!r->producer) store(r->mine, HINT, 1);
    r->session = before % 2 ? before + 2 : before + 1;
    if (r->producer) {
        int start = START + 24 * (int)((r->session >> 1) & 1);
        atomic_thread_fence(memory_order_release);
        store(r->mine, start, r->session);
        store(r->mine, start + 8, r->position);
        store(r->mine, start + 16, load(r->mine, DIED));
    } else {
        struct look l = look(r);
        bool over = l.closed || l.dead, unread = l.session != 0 && r->position != l.tail;
        uint64_t next = l.session == 0 ? 1 : over ? l.newest + 2 : l.newest;
        r->mine_from = !unread || r->position >= l.began ? next : load(r->mine, TOLD) + 1;
        if (unread && r->position >= l.began) r->mine_from = l.newest;
    }
    atomic_store_explicit(word(r->mine, SESSION), r->session, memory_order_release);
    ring_bell(r);
}

static void detach(struct ring *r) {
    atomic_store_explicit(word(r->mine, SESSION), r->session + 1, memory_order_release);
    ring_bell(r);
    atomic_store_explicit(half(r->mine, LIVENESS), 0, memory_order_relaxed);
    close(r->lock);
}

/* ---- [The region] and [Header] ---- */

static uint64_t u64(const uint8_t *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint32_t u32(const uint8_t *at) { return (uint32_t)u64(at); }

static void check_header(struct ring *r, const uint8_t *h, uint64_t length, const char *label) {
    require(memcmp(h, "shm-ring", 8) == 0 && u32(h + 8) == 2 && u32(h + 12) == 256, "not a ring of version 2");
    require(u32(h + 16) == 0x01020304 && u32(h + 20) == 8, "another machine's");
    r->page = u32(h + 24);
    require(r->page == (uint64_t)sysconf(_SC_PAGESIZE), "another page");
    require(u32(h + 28) == r->kind, "another kind of records");
    uint64_t size = u64(h + 32), align = u64(h + 40), schema = u64(h + 48);
    r->capacity = u64(h + 56);
    r->limit = u64(h + 160);
    r->align = align > 8 ? align : 8;
    r->unit = r->kind == VALUES ? size : r->align;
    require(r->kind == VALUES ? size == 16 && align == 8 && schema == 7 : size == 1 && schema == 0, "other records");
    require(r->capacity >= r->page && (r->capacity & (r->capacity - 1)) == 0, "no such capacity");
    require(r->limit >= r->unit && r->limit <= r->capacity, "no such limit");
    require(r->kind == MESSAGES || r->limit % size == 0, "no such limit");
    require(u64(h + 64) == 3 * r->page && length == 3 * r->page + r->capacity, "another length");
    char expected[64] = {0};
    memcpy(expected, label, strlen(label));
    require(memcmp(h + 96, expected, 64) == 0, "another label");
}

static void map(uint8_t *at, uint64_t length, bool write, int fd, uint64_t offset) {
    int access = write ? PROT_READ | PROT_WRITE : PROT_READ;
    require(mmap(at, length, access, MAP_SHARED | MAP_FIXED, fd, (off_t)offset) == at, "mmap");
}

static struct ring open_ring(const char *name, uint32_t kind, bool producer) {
    for (int tries = 0;; tries++) {
        require(tries < 20000, "nobody creates the ring");
        char path[300];
        snprintf(path, sizeof path, "/dev/shm/%s", name + (name[0] == '/'));
        int fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) {
            require(errno == ENOENT, "open");
            usleep(1000);
            continue;
        }
        struct stat found;
        require(fstat(fd, &found) == 0 && S_ISREG(found.st_mode), "no regular file");
        require(found.st_uid == geteuid() && (found.st_mode & 0077) == 0, "somebody else's");
        struct ring r = {.kind = kind, .producer = producer};
        uint8_t header[256];
        require(pread(fd, header, 256, 0) == 256, "no header");
        check_header(&r, header, (uint64_t)found.st_size, kind == VALUES ? "ticks" : "texts");
        if (!take_role(&r, fd)) {
            close(r.lock);
            close(fd);
            continue;
        }
        uint64_t all = 3 * r.page + 2 * r.capacity;
        uint8_t *base = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        require(base != MAP_FAILED, "mmap");
        map(base + r.page, r.page, producer, fd, r.page);
        map(base + 2 * r.page, r.page, !producer, fd, 2 * r.page);
        map(base + 3 * r.page, r.capacity, producer, fd, 3 * r.page);
        map(base + 3 * r.page + r.capacity, r.capacity, producer, fd, 3 * r.page);
        r.mine = base + (producer ? 1 : 2) * r.page;
        r.theirs = base + (producer ? 2 : 1) * r.page;
        r.data = base + 3 * r.page;
        close(fd);
        attach(&r);
        return r;
    }
}

/* ---- [Publishing and releasing] ---- */

static uint8_t *place(struct ring *r, uint64_t position) { return r->data + (position & (r->capacity - 1)); }

static void await_room(struct ring *r, uint64_t stride) {
    require(stride <= r->limit && r->position + stride < POSITION_MAX, "more than the ring has");
    while (r->position + stride - r->seen > r->limit && r->position + stride - their_position(r) > r->limit) {
        uint64_t wanted = r->limit / 2 > stride ? r->limit / 2 : stride;
        uint64_t free_at = r->position + wanted;
        nap(r, free_at > r->limit ? free_at - r->limit : 0);
    }
}

/* Publishes what has been written to the data, of which `front` is a copy for the front if it fits that. */
static void publish(struct ring *r, uint64_t stride, const void *front, size_t len) {
    uint64_t next = r->position + stride;
    if (len <= 56 && load(r->theirs, HINT) != 0) {
        uint64_t words[7] = {0};
        memcpy(words, front, len);
        atomic_store_explicit(word(r->mine, POSITION), r->position | UNUSABLE, memory_order_release);
        atomic_thread_fence(memory_order_release);
        for (int i = 0; i < 7; i++) store(r->mine, FRONT + 8 * i, words[i]);
        atomic_store_explicit(word(r->mine, POSITION), next, memory_order_release);
    } else {
        atomic_store_explicit(word(r->mine, POSITION), next | UNUSABLE, memory_order_release);
    }
    r->position = next;
    wake(r);
}

static void push_value(struct ring *r, const void *value) {
    await_room(r, r->unit);
    memcpy(place(r, r->position), value, r->unit);
    publish(r, r->unit, value, r->unit);
}

static void push_message(struct ring *r, const void *message, size_t len) {
    uint64_t stride = r->align + round_up(len, r->align);
    await_room(r, stride);
    uint64_t header = len | upper_half(r->position) << 32;
    memcpy(place(r, r->position), &header, 8);
    memcpy(place(r, r->position) + r->align, message, len);
    uint8_t front[56];
    memcpy(front, &header, 8);
    if (len <= 48) memcpy(front + 8, message, len);
    publish(r, stride, front, len <= 48 ? 8 + len : SIZE_MAX);
}

/* Where the next record is: in the data, or, if it alone is new, in a copy of the front. NULL: the producer has closed. */
static const uint8_t *next_record(struct ring *r, uint64_t words[7]) {
    while (r->seen == r->position) {
        uint64_t tail_word = load(r->theirs, POSITION);
        if (their_position(r) != r->position) {
            uint64_t expected = load(r->theirs, POSITION);
            if (expected != tail_word || tail_word & UNUSABLE) break;
            for (int i = 0; i < 7; i++) words[i] = load(r->theirs, FRONT + 8 * i);
            acquire();
            if (load(r->theirs, POSITION) != tail_word) break;
            uint64_t len = words[0] & UINT32_MAX, one = r->unit;
            if (r->kind == MESSAGES) {
                bool ours = words[0] >> 32 == upper_half(r->position);
                if (!ours || len > 48) break;
                one = r->align + round_up(len, r->align);
            }
            if (r->position + one != r->seen || (r->kind == VALUES && one > 56)) break;
            return (const uint8_t *)words;
        }
        enum end end = due(r);
        if (end == NONE) nap(r, r->position + r->unit);
        /* A look that comes after the end decides. */
        else if (end == CLOSED && their_position(r) == r->position) return NULL;
    }
    return place(r, r->position);
}

static void release(struct ring *r, uint64_t stride) {
    r->position += stride;
    atomic_store_explicit(word(r->mine, POSITION), r->position, memory_order_release);
    wake(r);
}

static bool pop_value(struct ring *r, void *value) {
    uint64_t words[7];
    const uint8_t *at = next_record(r, words);
    if (!at) return false;
    memcpy(value, at, r->unit);
    release(r, r->unit);
    return true;
}

static int64_t pop_message(struct ring *r, uint8_t *message, size_t room) {
    uint64_t words[7], header;
    const uint8_t *at = next_record(r, words);
    if (!at) return -1;
    memcpy(&header, at, 8);
    uint64_t len = header & UINT32_MAX, stride = r->align + round_up(len, r->align);
    require(header >> 32 == upper_half(r->position), "no record header");
    require(r->position + stride <= r->seen && len <= room, "a record beyond the tail");
    memcpy(message, at + (at == (const uint8_t *)words ? 8 : r->align), len);
    release(r, stride);
    return (int64_t)len;
}

/* ---- What crosses: as the tests have it ---- */

static size_t message_of(uint64_t number, uint8_t *to) {
    size_t len = 8 + (size_t)(number * 7 % 120);
    memcpy(to, &number, 8);
    memset(to + 8, (int)(number & 0xff), len - 8);
    return len;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const char *job = argv[1];
    bool producer = strncmp(job, "send", 4) == 0;
    uint32_t kind = strstr(job, "values") ? VALUES : MESSAGES;
    uint64_t end = argc > 3 ? strtoull(argv[3], NULL, 10) : 0, number = 0;
    struct ring r = open_ring(argv[2], kind, producer);
    uint8_t bytes[256], expected[256];
    if (kind == VALUES) {
        uint64_t tick[2];
        number = r.position / 16;
        for (; producer && number < end; number++) push_value(&r, (uint64_t[2]){number, number * number});
        for (; !producer && pop_value(&r, tick); number++)
            require(tick[0] == number && tick[1] == number * number, "another value");
    } else {
        for (; producer && number < end; number++) push_message(&r, bytes, message_of(number, bytes));
        for (int64_t len; !producer && (len = pop_message(&r, bytes, sizeof bytes)) >= 0; number++)
            require(message_of(number, expected) == (size_t)len && memcmp(bytes, expected, (size_t)len) == 0,
                    "another message");
    }
    if (!producer) printf("%" PRIu64 " %s\n", number, kind == VALUES ? "values" : "messages");
    detach(&r);
    return 0;
}
