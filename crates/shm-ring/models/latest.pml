/* The latest value: its writer, killed at any step and followed by another, and a reader that writes nothing: the
 * rules of version.rs in their order. It must not know about sleeping: see park.pml.
 *
 * The machine: a store of the writer is held back and becomes visible at any later moment, in any order that
 * the writer's fences and releases allow (weaker than TSO). A reader's loads are done one after the other; what
 * reorders them is for litmus/ and loom. A killed writer's stores have left it: they become visible, and then
 * its lease is free.
 *
 * A payload is two words that hold their version. What is checked: a reader that stands still for ever is an
 * invalid end state; and the assertions: what it reads is whole, was published and is never older than before,
 * and once nobody writes any more it reads the last version that was published. With NEXT the reader wants each
 * version: what it gets is the next one, whole, and where it lags it goes on at a version that is whole then.
 * Switches are set by `run`. */

#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef VERSIONS
#define VERSIONS 5
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif
#ifndef READS
#define READS 2
#endif
#ifndef SPARE
#define SPARE (SLOTS - 2)
#endif

/* Where a reader that lags goes on, so many versions before the latest. */
#ifndef BACK
#define BACK (SPARE / 2)
#endif

#define PUBLISHED 0
#define BEGUN 1                     /* used by a variant only */
#define WORD(version, half) (2 + ((version) % SLOTS) * 2 + half)
#define WORDS (2 + 2 * SLOTS)

byte memory[WORDS];
byte pending[WORDS];                /* a store that is held back; 0: none */
byte since[WORDS];                  /* the fence that came before it */
byte fences;
byte kills = KILLS;
bool killed;
bool over;                          /* nobody will write any more, and everything is visible */

#define older(one, other) (pending[one] != 0 && since[one] < since[other])
#if SLOTS == 2
#define first(word) (!older(0, word) && !older(1, word) && !older(2, word) && !older(3, word) && !older(4, word) && \
    !older(5, word))
#define drained (pending[0] + pending[1] + pending[2] + pending[3] + pending[4] + pending[5] == 0)
#else
#define first(word) (!older(0, word) && !older(1, word) && !older(2, word) && !older(3, word) && !older(4, word) && \
    !older(5, word) && !older(6, word) && !older(7, word))
#define drained (pending[0] + pending[1] + pending[2] + pending[3] + pending[4] + pending[5] + pending[6] + \
    pending[7] == 0)
#endif

inline store(word, value) {
    atomic { pending[word] == 0 -> pending[word] = value; since[word] = fences }
}

/* A release fence, or that of a store that releases. */
inline release() {
    fences = fences + 1
}

#define shown(word) atomic { \
    pending[word] != 0 && first(word) -> \
    memory[word] = pending[word]; \
    pending[word] = 0; \
    since[word] = 0; \
    if \
    :: drained -> fences = 0 \
    :: else \
    fi \
    }

proctype Processor() {
end:
    do
    :: shown(0)
    :: shown(1)
    :: shown(2)
    :: shown(3)
    :: shown(4)
    :: shown(5)
#if SLOTS > 2
    :: shown(6)
    :: shown(7)
#endif
    od
}

proctype Killer() {
end:
    do
    :: atomic { kills > 0 && !killed && !over -> kills--; killed = true }
    od
}

/* Written::write. */
inline write(version) {
#ifndef NO_FENCE
    release();
#endif
#ifdef WAITS
    store(BEGUN, version);
    release();
#endif
#ifdef PUBLISHED_FIRST
    release();
    store(PUBLISHED, version);
#endif
    /* From the end to the start, as short payloads go. */
    store(WORD(version, 1), version);
    store(WORD(version, 0), version);
#ifndef PUBLISHED_FIRST
#ifndef NO_RELEASE
    release();
#endif
    store(PUBLISHED, version)
#endif
}

proctype Writer() {
    byte version;
again:
    {
        /* Written::recover. */
#ifdef FROM_THE_START
        version = 0;
#else
        version = memory[PUBLISHED];
#endif
        do
        :: version < VERSIONS ->
            write(version + 1);
            version = version + 1
        :: else -> break
        od;
        atomic { drained && !killed -> over = true }
    } unless {
        atomic { killed && drained -> killed = false; version = 0 }
        if
        :: goto again
        :: over = true
        fi
    }
}

/* Seen::next: `version` is 0 if there is none after the last. */
inline next() {
    atomic {
        published = memory[PUBLISHED];
        assert(published >= last);
        if
        :: published == last -> version = 0
        :: else -> version = last + 1
        fi
    }
    if
    :: version == 0
    :: else ->
        one = memory[WORD(version, 0)];
        other = memory[WORD(version, 1)];
        atomic {
#ifdef NO_SECOND_LOOK
            published = version;
#else
            published = memory[PUBLISHED];
#endif
            if
            :: published - version <= SPARE ->
                assert(one == version && other == version);
                last = version
            :: else ->
                /* Lagged. */
                one = published - BACK;
                assert(one > version);
                assert(memory[WORD(one, 0)] == one && memory[WORD(one, 1)] == one);
                last = one - 1
            fi
        }
    fi;
    atomic { one = 0; other = 0; published = 0 }
}

/* Seen::read: `version` is 0 if there is no value. */
inline read() {
    atomic { attempt = 0; start = memory[PUBLISHED] }
    do
    :: attempt < ATTEMPTS ->
        version = memory[PUBLISHED];
        assert(version >= last);
        if
        :: version == 0 -> assert(start == 0); break
        :: else
        fi;
#ifdef WAITS
        (memory[BEGUN] == memory[PUBLISHED]);
#endif
        one = memory[WORD(version, 0)];
        other = memory[WORD(version, 1)];
        atomic {
#ifdef NO_SECOND_LOOK
            published = version;
#else
            published = memory[PUBLISHED];
#endif
            if
            :: published - version <= SPARE ->
                assert(one == version && other == version);
                last = version;
                break
            :: else -> attempt++
            fi
        }
    :: else ->
        /* Overrun: the writer came round in each attempt. */
        assert(memory[PUBLISHED] - start >= ATTEMPTS * (SPARE + 1));
        break
    od;
    atomic { one = 0; other = 0; published = 0; start = 0 }
}

proctype Reader() {
    byte last, version, one, other, published, start, attempt, reads;
#ifdef NEXT
    do
    :: reads < READS -> next(); reads++
    :: else -> break
    od;
    over;
    do
    :: next();
        if
        :: version == 0 -> break
        :: else
        fi
    od;
    assert(last == memory[PUBLISHED])
#else
    do
    :: reads < READS -> read(); reads++
    :: else -> break
    od;
    over;
    read();
    assert(version == memory[PUBLISHED] && last == version)
#endif
}

init {
    atomic { run Processor(); run Killer(); run Writer(); run Reader() }
}
