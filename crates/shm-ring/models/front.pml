/* The tail word and the front: a producer, killed at any step and followed by another, and a consumer: the rules of
 * position.rs in their order. It must not know about sleeping: see park.pml.
 *
 * The machine: a store of the producer is held back and becomes visible at any later moment, in any order that its
 * fences and releases allow (weaker than TSO). The consumer's loads are done one after the other; what reorders them is
 * for litmus/ and loom. A killed producer's stores have left it: they become visible, and then its lease is free.
 *
 * Each session writes values of its own, so that what a dead producer left is told from what exists. Single records
 * go with the front or without it, as a hint that changes at any time would have it; two that fit may go as a batch.
 * What is checked: whoever stands still for ever is an invalid end state; and the assertions: each record that was
 * published is read once, whole and in order, and nothing else is. Switches are set by `run`. */

#ifndef LIMIT
#define LIMIT 2
#endif
#ifndef RECORDS
#define RECORDS 3
#endif

#define TAIL 0
#define FRONT(half) (1 + half)
#define DATA(record) (3 + (record) % LIMIT)
#define WORDS (3 + LIMIT)

/* Never 0, which stands for no store. */
#define pack(tail, marked) (1 + 2 * (tail) + (marked))
#define tail_of(word) (((word) - 1) / 2)
#define is_marked(word) (((word) - 1) % 2 == 1)

byte memory[WORDS];
byte pending[WORDS];                /* a store that is held back; 0: none */
byte since[WORDS];                  /* the fence that came before it */
byte fences;
byte kills = KILLS;
bool killed;
bool over;                          /* nobody will publish any more, and everything is visible */
byte head;
byte session;
byte written[RECORDS];              /* a ghost: the value of each record that was published */

#define older(one, other) (pending[one] != 0 && since[one] < since[other])
#define first(word) (!older(0, word) && !older(1, word) && !older(2, word) && !older(3, word) && !older(4, word))
#define drained (pending[0] + pending[1] + pending[2] + pending[3] + pending[4] == 0)

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
    od
}

proctype Killer() {
end:
    do
    :: atomic { kills > 0 && !killed && !over -> kills--; killed = true }
    od
}

#define VALUE(record) (1 + (record) + 4 * session)

inline mark() {
    release();
    store(TAIL, pack(tail, 1));
#ifndef NO_FENCE
    release()
#endif
}

/* Tail::publish_in_front. */
inline publish_in_front() {
#if !defined(NO_MARK) && !defined(MARK_LATE)
    mark();
#endif
    store(FRONT(0), VALUE(tail));
    store(FRONT(1), VALUE(tail));
#ifdef MARK_LATE
    mark();
#endif
#ifndef NO_RELEASE
    release();
#endif
    atomic { pending[TAIL] == 0 -> pending[TAIL] = pack(tail + 1, 0); since[TAIL] = fences; written[tail] = VALUE(tail) }
}

/* Tail::publish of one or two records. */
inline publish(count) {
    release();
    atomic {
        pending[TAIL] == 0 ->
#ifdef UNMARKED
        pending[TAIL] = pack(tail + count, 0);
#else
        pending[TAIL] = pack(tail + count, 1);
#endif
        since[TAIL] = fences;
        written[tail] = VALUE(tail);
        written[tail + count - 1] = VALUE(tail + count - 1)
    }
}

proctype Producer() {
    byte tail, seen;
again:
    {
        /* Tail::recover. */
        atomic { tail = tail_of(memory[TAIL]); seen = head }
        do
        :: tail < RECORDS ->
            atomic { tail + 1 - head <= LIMIT -> seen = head }
#ifdef TAIL_FIRST
            publish(1);
            store(DATA(tail), VALUE(tail));
            tail = tail + 1
#else
            store(DATA(tail), VALUE(tail));
            if
            :: publish_in_front(); tail = tail + 1
            :: publish(1); tail = tail + 1
            :: tail + 2 - seen <= LIMIT && tail + 2 <= RECORDS ->
                store(DATA(tail + 1), VALUE(tail + 1));
                publish(2);
                tail = tail + 2
            fi
#endif
        :: else -> break
        od;
        atomic { drained && !killed -> over = true }
    } unless {
        atomic { killed && drained -> killed = false; session++; tail = 0; seen = 0 }
        if
        :: goto again
        :: over = true
        fi
    }
}

proctype Consumer() {
    byte position, tail, word, one, other;
    bool taken;
    do
    :: position < tail ->
        /* Known to be there. */
        one = memory[DATA(position)];
        atomic { assert(one == written[position]); one = 0; position = position + 1; head = position }
    :: true ->
        /* Head::look, by this consumer or by one that starts anew at its head and knows of nothing. */
        word = memory[TAIL];
        taken = false;
        if
        :: tail_of(word) == position ->
            if
            :: position < tail -> assert(false)
            :: memory[TAIL] != word
            :: over && memory[TAIL] == word -> break
            fi
        :: else ->
            atomic { assert(tail_of(word) > position && tail_of(word) - position <= LIMIT); tail = tail_of(word) }
            if
            :: !is_marked(word) && tail - position == 1 ->
                one = memory[FRONT(0)];
                other = memory[FRONT(1)];
                atomic {
                    if
#ifdef NO_SECOND_LOOK
                    :: true ->
#else
                    :: memory[TAIL] == word ->
#endif
                        assert(one == written[position] && other == written[position]);
                        taken = true
                    :: else
                    fi;
                    one = 0;
                    other = 0
                }
            :: else
            fi;
            if
            :: taken -> atomic { taken = false; position = position + 1; head = position }
            :: else
            fi
        fi;
        word = 0
    od;
    assert(position == tail_of(memory[TAIL]))
}

init {
    atomic {
        memory[TAIL] = pack(0, 0);
        run Processor(); run Killer(); run Producer(); run Consumer()
    }
}
