// Owns: the instructions of arm64 that Go has no words for: a pause, and asking for lines.
// Knows nothing of: rings. None of them changes a byte.

#include "textflag.h"

// func relax(turns int)
TEXT ·relax(SB), NOSPLIT, $0-8
	MOVD turns+0(FP), R1
again:
	// What delays this processor: YIELD does not.
	ISB  $15
	SUB  $1, R1, R1
	CMP  $0, R1
	BGT  again
	RET

// func prefetchRead(at unsafe.Pointer, lines uint64)
TEXT ·prefetchRead(SB), NOSPLIT, $0-16
	MOVD at+0(FP), R0
	MOVD lines+8(FP), R1
again:
	PRFM (R0), PLDL1KEEP
	ADD  $64, R0, R0
	SUB  $1, R1, R1
	CMP  $0, R1
	BGT  again
	RET

// func prefetchWrite(at unsafe.Pointer, lines uint64)
TEXT ·prefetchWrite(SB), NOSPLIT, $0-16
	MOVD at+0(FP), R0
	MOVD lines+8(FP), R1
again:
	PRFM (R0), PSTL1KEEP
	ADD  $64, R0, R0
	SUB  $1, R1, R1
	CMP  $0, R1
	BGT  again
	RET
