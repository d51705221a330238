// Owns: the instructions of amd64 that Go has no words for: a pause, asking for lines, and that beside
// the copy of a value. Knows nothing of: rings.

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

// func putAhead(to, from unsafe.Pointer, bytes uint64, ahead unsafe.Pointer)
TEXT ·putAhead(SB), NOSPLIT, $0-32
	MOVQ to+0(FP), DI
	MOVQ from+8(FP), SI
	MOVQ bytes+16(FP), CX
	MOVQ ahead+24(FP), AX
again:
	// PREFETCHW (AX)
	BYTE $0x0f
	BYTE $0x0d
	BYTE $0x08
	MOVUPS (SI), X0
	MOVUPS 16(SI), X1
	MOVUPS 32(SI), X2
	MOVUPS 48(SI), X3
	MOVUPS X0, (DI)
	MOVUPS X1, 16(DI)
	MOVUPS X2, 32(DI)
	MOVUPS X3, 48(DI)
	ADDQ $64, AX
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $64, CX
	JGT  again
	RET

// func getAhead(to, from unsafe.Pointer, bytes uint64, ahead unsafe.Pointer)
TEXT ·getAhead(SB), NOSPLIT, $0-32
	MOVQ to+0(FP), DI
	MOVQ from+8(FP), SI
	MOVQ bytes+16(FP), CX
	MOVQ ahead+24(FP), AX
again:
	PREFETCHT0 (AX)
	MOVUPS (SI), X0
	MOVUPS 16(SI), X1
	MOVUPS 32(SI), X2
	MOVUPS 48(SI), X3
	MOVUPS X0, (DI)
	MOVUPS X1, 16(DI)
	MOVUPS X2, 32(DI)
	MOVUPS X3, 48(DI)
	ADDQ $64, AX
	ADDQ $64, SI
	ADDQ $64, DI
	SUBQ $64, CX
	JGT  again
	RET
