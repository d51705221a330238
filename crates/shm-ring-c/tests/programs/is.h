/* What a call must answer. Owns: how a wrong answer is reported. Knows nothing of: the calls. */
#include <shm_ring.h>
#include <stdio.h>
#include <stdlib.h>

#define IS(call, expected)                                                                              \
    do {                                                                                                \
        int64_t found_ = (call), expected_ = (expected);                                                \
        if (found_ != expected_) {                                                                      \
            fprintf(stderr, "line %d: %s is %lld (%s), not %lld\n", __LINE__, #call, (long long)found_, \
                    shmr_text(found_), (long long)expected_);                                           \
            exit(1);                                                                                    \
        }                                                                                               \
    } while (0)
