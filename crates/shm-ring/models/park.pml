/* Park and ring, in both directions, with death at any step: the rules of park.rs, attachment/ and session.rs
 * in the order in which those files have them. The tail word is its position alone: the mark does not change that, and
 * the front is in front.pml. It must not know how a machine does what it does.
 *
 * The stream: a short record, one that needs the whole ring, a short one. So the producer waits for room
 * while less is there than the consumer's threshold: the case in which both could wait.
 *
 * What is checked: somebody who sleeps and whom nothing will wake is an invalid end state; and the
 * assertions: what was published is taken before an end is told, and an end is told only of the dead or
 * closed. Switches are set by `run`, which says what each stands for. */

#ifndef THRESHOLD
#define THRESHOLD 1
#endif
#define CAPACITY 4
#define SIZE(record) (record == 1 -> 4 : 1)
#define RECORD_AT(position) (position == 0 -> 0 : (position == 1 -> 1 : (position == 5 -> 2 : 3)))
#ifndef RECORDS
#define RECORDS 3
#endif
#define END (RECORDS == 3 -> 6 : 5) /* the position behind the last record */

#include "machine.pml"

/* Ghosts. */
byte published;                     /* the tail that was stored */
byte published_by[8];               /* the same, at the end of each session of the producer */
bool ended[16];                     /* sessions that ended: the consumer's from 8 on */

#define sleeps(side) (memory[WAKE_AT(side)] != NEVER)

inline ring(me) {
    atomic { bell = bell + 1; store(me, BELL(me), bell) }
    wake(me)
}

inline light(me) {
#if !defined(MEMBARRIER) && !defined(NO_LIGHT)
    drained(me)
#else
    skip
#endif
}

/* A fence, and a membarrier if the waker relies on it: then the waker's stores are in memory too. */
inline heavy(me) {
#ifndef NO_HEAVY
    drained(me);
#if defined(MEMBARRIER) && !defined(NO_MEMBARRIER)
    drained(1 - me)
#else
    skip
#endif
#else
    skip
#endif
}

/* Gate::moved: what `position` moved to has been stored. */
inline moved(me, position) {
    light(me);
    atomic {
        asked = memory[WAKE_AT(1 - me)];
        if
#ifdef RING_ONCE
        :: position >= asked && rung_for == NEVER -> rung_for = asked; asked = 1
#else
        :: position >= asked && asked != rung_for -> rung_for = asked; asked = 1
#endif
        :: else -> asked = 0
        fi
    }
    if
    :: atomic { asked == 1 -> asked = 0; bell = bell + 1; store(me, BELL(me), bell) } wake(me)
    :: asked == 0
    fi
}

/* Side::gone: session, mark and lease, session; looks again while the other side is in between. */
inline gone(me) {
    do
    :: seen = memory[SESSION(1 - me)];
#ifdef LEASE_ALONE
        held = lease[1 - me];
#else
        held = memory[LIVENESS(1 - me)] != DIED;
        held = held && lease[1 - me];
#endif
        atomic {
            if
            :: seen == memory[SESSION(1 - me)] && !(seen % 2 == 0 && held) ->
                over = !held && seen != 0; held = false; break
            :: else
            fi;
            if
            :: seen != memory[SESSION(1 - me)]
            :: else ->
#ifdef GIVES_UP
                over = false; held = false; break
#else
                /* In between. It moves on, or dies. */
                (memory[SESSION(1 - me)] != seen || !lease[1 - me] || memory[LIVENESS(1 - me)] == DIED)
#endif
            fi
        }
    od
}

/* park::sleep. `found` is set if there was no need to sleep, `over` if the other side is gone. */
inline park(me, ask, bid, reached) {
    life = memory[LIVENESS(1 - me)];
#ifndef BELL_LATE
    count = memory[BELL(1 - me)];
#endif
    store(me, WAKE_AT(me), ask);
#ifdef BID_EARLY
    if
    :: bid && sleeps(1 - me) -> ring(me)
    :: else
    fi;
#endif
#ifdef LOOK_EARLY
    found = (reached);
#endif
    heavy(me);
#if !defined(BID_EARLY) && !defined(NO_BID)
    if
    :: atomic {
        bid && sleeps(1 - me) ->
#ifdef COURTESY_COUNTS
        rung_for = memory[WAKE_AT(1 - me)];
#endif
        bell = bell + 1;
        store(me, BELL(me), bell)
        }
        wake(me)
    :: else
    fi;
#endif
#if !defined(LOOK_EARLY) && !defined(NO_LOOK)
    atomic { found = (reached); over = false }
#endif
    if
    :: !found -> gone(me)
    :: else
    fi;
#ifdef BELL_LATE
    count = memory[BELL(1 - me)];
#endif
    if
    :: found || over
#ifdef BELL_ONLY
    :: !found && !over -> wait(me, count, false, 0)
#elif defined(UNNAMED_UNWATCHED)
    :: !found && !over && life == 0 -> wait(me, count, false, 0)
    :: !found && !over && life != 0 -> wait(me, count, true, life)
#elif defined(DEAD_UNWATCHED)
    :: !found && !over && life == DIED -> wait(me, count, false, 0)
    :: !found && !over && life != DIED -> wait(me, count, true, life)
#else
    :: !found && !over -> wait(me, count, true, life)
#endif
    fi;
    atomic { store(me, WAKE_AT(me), NEVER); life = 0; count = 0; found = false }
}

/* Side::open. The lease is had, and the position recovered. */
inline attach(me) {
#ifdef NOTICE
    store(me, LIVENESS(me), NAMED);
#endif
    store(me, WAKE_AT(me), NEVER);
    atomic {
        bell = memory[BELL(me)];
        session = (memory[SESSION(me)] + 1) | 1;
        store(me, SESSION(me), session)
    }
#ifndef NO_ATTACH_RING
    ring(me)
#else
    bell = bell + 0
#endif
}

/* Side::close, and the end of the lease. */
inline close(me) {
    atomic { ended[session + me * 8] = true; store(me, SESSION(me), session + 1) }
#ifndef NO_CLOSE_RING
    ring(me);
#endif
#ifdef NOTICE
    store(me, LIVENESS(me), 0);
#endif
    atomic { drained(me) -> lease[me] = false; alive[me] = false }
}

/* A session of `me` from here; whether one killed has a successor is left open, unless nobody ever attached:
 * then the other side may wait for ever. */
inline begin(me) {
    atomic {
        alive[me] = true; killed[me] = false; freed[me] = false; lease[me] = true;
        bell = 0; session = 0; rung_for = NEVER; asked = 0; found = false; over = false; held = false;
        seen = 0; life = 0; count = 0
    }
}

#ifdef ALWAYS_FOLLOWED
#define may_stay_dead(me) false
#else
#define may_stay_dead(me) (memory[SESSION(me)] != 0)
#endif

inline bury(me) {
    atomic {
        if
        :: memory[SESSION(me)] % 2 == 1 -> ended[memory[SESSION(me)] + me * 8] = true
        :: else
        fi;
        alive[me] = false
    }
    freed[me]
}

proctype Producer() {
    byte bell, session, rung_for, asked, seen, life, count;
    bool found, over, held;
    byte tail, record, head, ask;
again:
    begin(P);
    {
        /* Tail::recover. */
        atomic { tail = memory[POSITION(P)]; record = RECORD_AT(tail) }
        attach(P);
        do
        :: record < RECORDS ->
            atomic { head = memory[POSITION(C)]; over = false; seen = 0 }
            do
            :: atomic {
                tail + SIZE(record) > head + CAPACITY && !over ->
                /* The larger of half a ring and what the record needs. */
                ask = tail + (SIZE(record) > 2 -> SIZE(record) : 2) - CAPACITY
                }
                park(P, ask, true, memory[POSITION(C)] >= ask);
                atomic { assert(!over || ended[seen - 1 + (seen % 2) + 8]); head = memory[POSITION(C)] }
            :: else -> break
            od;
            if
            :: tail + SIZE(record) > head + CAPACITY -> break
            :: else
            fi;
            atomic {
                head = 0; ask = 0;
                tail = tail + SIZE(record);
                record = record + 1;
                store(P, POSITION(P), tail);
                published = tail
            }
            moved(P, tail)
#ifdef QUITS
        :: break
#endif
        :: else -> break
        od;
#ifdef STAYS
        /* All is published, and nothing more will ever be done about it. */
end:
        false;
#endif
        published_by[session / 2] = published;
        close(P)
    } unless {
        atomic { killed[P] && drained(P) -> published_by[memory[SESSION(P)] / 2] = published; tail = 0; record = 0; head = 0; ask = 0 }
        bury(P);
        if
        :: goto again
        :: may_stay_dead(P)
        fi
    }
}

proctype Consumer() {
    byte bell, session, rung_for, asked, seen, life, count;
    bool found, over, held;
    byte head, record;
again:
    begin(C);
    {
        atomic { head = memory[POSITION(C)]; record = RECORD_AT(head) }
        attach(C);
        do
        :: head < END && memory[POSITION(P)] > head ->
            atomic { head = head + SIZE(record); record = record + 1; store(C, POSITION(C), head) }
            moved(C, head)
        :: head < END && memory[POSITION(P)] == head ->
            over = false;
#if THRESHOLD == 1
            park(C, head + 1, false, memory[POSITION(P)] > head);
#else
#ifdef NO_GIVING_WAY
#define ENOUGH (memory[POSITION(P)] >= head + THRESHOLD)
#else
#define ENOUGH (memory[POSITION(P)] >= head + THRESHOLD || sleeps(P) && memory[POSITION(P)] > head)
#endif
            /* Sleeps on a record if there are too few, as a pop that found none does. */
            do
            :: !(ENOUGH) && !over -> park(C, head + THRESHOLD, false, ENOUGH)
            :: else -> break
            od;
#endif
            if
            :: over ->
#ifndef NO_LOOK_AFTER_END
                if
                :: memory[POSITION(P)] > head
                :: else ->
#endif
                    /* An end is told: of a session that ended, and when all of it has been taken. */
                    assert(ended[seen - 1 + (seen % 2)]);
                    assert(head >= published_by[(seen - 1 + (seen % 2)) / 2]);
                    break
#ifndef NO_LOOK_AFTER_END
                fi
#endif
            :: else
            fi;
            atomic { over = false; seen = 0 }
        :: head == END -> break
#ifdef QUITS
        :: break
#endif
        od;
        close(C)
    } unless {
        atomic { killed[C] && drained(C) -> head = 0; record = 0 }
        bury(C);
        if
        :: goto again
        :: may_stay_dead(C)
        fi
    }
}

init {
    atomic {
        memory[WAKE_AT(P)] = NEVER;
        memory[WAKE_AT(C)] = NEVER;
        run Drain(P); run Drain(C);
        run Undertaker(P); run Undertaker(C);
        run Killer();
        run Producer(); run Consumer()
    }
}
