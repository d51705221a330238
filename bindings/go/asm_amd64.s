// Owns: the instructions of amd64 that Go has no words for: a pause, and asking for lines.
// Knows nothing of: rings. None of them changes a byte.

#include "textflag.h"

// func relax(turns int)
TEXT ·relax(SB), NOSPLIT, $0-8
	MOVQ turns+0(FP), CX
again:
	PAUSE
	DECQ CX
	JGT  again
	RET

// func prefetchRead(at unsafe.Pointer, lines uint64)
TEXT ·prefetchRead(SB), NOSPLIT, $0-16
	MOVQ at+0(FP), AX
	MOVQ lines+8(FP), CX
again:
	PREFETCHT0 (AX)
	ADDQ $64, AX
	DECQ CX
	JGT  again
	RET

// func prefetchWrite(at unsafe.Pointer, lines uint64)
TEXT ·prefetchWrite(SB), NOSPLIT, $0-16
	MOVQ at+0(FP), AX
	MOVQ lines+8(FP), CX
again:
	// PREFETCHW (AX), which this assembler has no name for. A processor without it does nothing.
	BYTE $0x0f
	BYTE $0x0d
	BYTE $0x08
	ADDQ $64, AX
	DECQ CX
	JGT  again
	RET
