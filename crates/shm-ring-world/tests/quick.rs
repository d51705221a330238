use shm_ring_world::explore::explore;
use shm_ring_world::names::*;
use shm_ring_world::variants::Names as V;
#[test]
fn q() {
    let a = |role, create, unlink| Goal::Attach { role, create, unlink };
    use Role::*;
    let run = |n: &str, goals, kills, starts, pushes, left, pages, variant| {
        let f = explore(Names { goals, kills, starts, pushes, left_over: left, pages, variant }, false);
        println!("{n}: {f}");
    };
    let c = V::Correct;
    run("pair and remover", [a(Producer, true, true), a(Consumer, true, true), Goal::Remove{unread:false}], 0, 1, 1, false, (9, 1), c);
    run("pair and remover, kill", [a(Producer, true, false), a(Consumer, true, false), Goal::Remove{unread:false}], 1, 1, 1, true, (9, 1), c);
    run("two last users restarted", [a(Producer, true, true), a(Consumer, true, true), Goal::Nothing], 1, 2, 1, false, (9, 1), c);
    run("replace", [a(Producer, true, false), Goal::Replace{role:Consumer}, Goal::Remove{unread:true}], 0, 1, 1, true, (9, 1), c);
    run("two replace", [a(Consumer, true, false), Goal::Replace{role:Producer}, Goal::Replace{role:Consumer}], 0, 1, 1, false, (9, 1), c);
    run("space", [a(Producer, true, false), a(Consumer, true, false), Goal::Nothing], 0, 1, 1, false, (3, 2), c);
    run("reader", [a(Producer, true, false), a(Producer, true, false), Goal::Read{role:Producer}], 1, 1, 1, true, (9, 1), c);
}
