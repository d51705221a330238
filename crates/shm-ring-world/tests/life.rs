use shm_ring_world::explore::explore;
use shm_ring_world::life::*;
use shm_ring_world::variants::Life as V;
#[test]
fn q() {
    use Ends::*;
    for ends in [&[Mine][..], &[OfStream]] {
    let f = explore(Life{kills:1,panics:0,consumers:(1,ends),sessions:2,records:2,monitored:true,keeper_may_end:false,variant:V::Correct}, true);
    println!("{f}");
    let f = explore(Life{kills:2,panics:0,consumers:(2,ends),sessions:2,records:2,monitored:true,keeper_may_end:false,variant:V::Correct}, true);
    println!("{f}");
    }
}
