// Package shmring is a lock-free ring between two processes over shared memory: one writes, one
// reads, and neither makes a system call while both are busy. It is written in Go alone, from
// LAYOUT.md of the repository, and speaks with every other side that keeps it: Rust, C, the command
// shm-ring.
//
// A ring carries values of one size (Producer, Consumer; as bytes BytesProducer, BytesConsumer) or
// messages of any length (MessageProducer, MessageConsumer). It keeps its name under /dev/shm, and
// what is unread in it, until Unlink or the next boot. Either side may start first.
//
// LatestWriter and LatestReader are for the latest value of something, of which nobody needs each: one
// writes, any number read, nobody waits for anybody.
//
// # What it promises
//
// What was published is read whole, in order and once, across kills and restarts of either side. A
// pop gives each record at most once: what was popped and not used when its consumer was killed is
// lost. A side that waits learns that its peer closed (ErrClosed) or died (ErrDied), after it has
// read everything that was published. It may go on then with whoever follows.
//
// The peer is not believed. A side maps what the peer owns read-only. What contradicts the protocol
// is ErrCorrupt, permanently: never a panic, an access outside the region, or a loop without end. A
// position that is wrong but possible delivers old values. If somebody truncates the file, touching
// it ends the process by SIGBUS, so files that others may write are refused unless Options say
// otherwise.
//
// # Waiting
//
// A call with a context waits: it looks for some microseconds, then sleeps in the kernel and takes one
// thread meanwhile, as a blocking system call does. It ends when the context does. Calls whose name
// begins with Try do not wait.
//
// # In place
//
// Reserve and Peek hand out the shared memory itself, until Commit and Release: nothing is copied. It must
// not be touched behind these, and is gone after Close.
//
// # Rules
//
// One goroutine at a time uses an end; different ends are independent. An end that is not closed when
// its process ends has died, as far as its peer can tell. Call Close in order, and Abandon when half
// a stream must not look whole. Linux on amd64 and arm64.
package shmring
