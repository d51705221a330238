/* The machine under the protocol: words with store buffers (TSO), futexes, leases, death and the kernel's
 * notice of it. It must not know what the words mean to the two sides.
 *
 * A store goes into its side's buffer and from there to memory, in order, at any later moment. A load of the
 * other side's word reads memory; a side knows its own words without reading them. What is stronger than
 * this on x86-64 and weaker on others is not modelled: see ORDERINGS.md and litmus/.
 */

#define P 0                     /* the producer */
#define C 1                     /* the consumer */

/* The words, each with one writer. Both sides have one of each. */
#define POSITION(side) (side)       /* tail, head */
#define WAKE_AT(side) (2 + side)
#define BELL(side) (4 + side)
#define SESSION(side) (6 + side)
#define LIVENESS(side) (8 + side)
#define WORDS 10

#define NEVER 63
#define NAMED 1                     /* a liveness word that names a thread; the worst case: always the same one */
#define DIED 2                      /* the kernel's mark */

byte memory[WORDS];
chan buffer[2] = [DEPTH] of { byte, byte };

bool lease[2];
bool alive[2];                      /* the process runs: true from before attaching until a kill or its end */
bool killed[2];
bool asleep[2];                     /* in the kernel, on the other side's bell */
bool watches[2];                    /* and on the other side's liveness word */
bool freed[2];                      /* the kernel is through with a killed process */
byte kills = KILLS;
byte spurious = SPURIOUS;
byte slices[2];

#define store(side, word, value) buffer[side]!word,value
#define drained(side) empty(buffer[side])

proctype Drain(byte side) {
    byte word, value;
end:
    do
    :: atomic { buffer[side]?word,value -> memory[word] = value; word = 0; value = 0 }
    od
}

/* FUTEX_WAKE on the bell: the kernel's own full barrier, then whoever sleeps on it. */
inline wake(side) {
    atomic { drained(side) -> asleep[1 - side] = false; watches[1 - side] = false }
}

/* futex_waitv (or FUTEX_WAIT if `on_liveness` is not set): compares under the bucket's lock and sleeps. */
inline wait(side, bell, on_liveness, liveness) {
    atomic {
        drained(side) ->
        if
        :: memory[BELL(1 - side)] == bell &&
           (!(on_liveness) || memory[LIVENESS(1 - side)] == (liveness)) ->
            asleep[side] = true;
            watches[side] = on_liveness
        :: else
        fi
    }
    if
    :: atomic { !asleep[side] -> slices[side] = 0 }
    :: atomic { spurious > 0 && asleep[side] -> spurious--; asleep[side] = false; watches[side] = false }
#ifdef SLICES
    /* So late that nothing else can happen. Slept through twice in a row, it was of no use. */
    :: atomic {
        timeout ->
        asleep[side] = false;
        watches[side] = false;
        slices[side]++;
        assert(slices[side] < 3)
    }
#endif
    fi
}

/* SIGKILL, at any step. */
proctype Killer() {
end:
    do
    :: atomic { kills > 0 && alive[P] && !killed[P] -> kills--; killed[P] = true; asleep[P] = false; watches[P] = false }
    :: atomic { kills > 0 && alive[C] && !killed[C] -> kills--; killed[C] = true; asleep[C] = false; watches[C] = false }
    od
}

/* What the kernel does for a killed process: its stores become visible, its robust list is walked, and some
 * time after that its files are closed. */
proctype Undertaker(byte side) {
end:
    do
    :: killed[side] && !alive[side] && !freed[side] && drained(side) ->
        atomic {
            if
            :: memory[LIVENESS(side)] == NAMED ->
                memory[LIVENESS(side)] = DIED;
                if
                :: watches[1 - side] -> asleep[1 - side] = false; watches[1 - side] = false
                :: else
                fi
            :: else
            fi
        }
        atomic { lease[side] = false; freed[side] = true }
    od
}
