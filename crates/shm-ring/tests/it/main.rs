//! The library between real processes, and under faults. One module per idea; `harness` has the
//! children, names and time limits that all of them stand on, `system` all the unsafe code.
//!
//! A child is this very program, run again with the one test `child` and told by its environment
//! which job to do.

mod adapters;
mod all_or_nothing;
mod alone;
mod any;
mod any_stress;
mod arming;
mod awaiting;
mod backlog;
mod batches;
mod bytes;
mod compile_errors;
mod compiled;
mod creating;
mod death;
mod dense;
mod descriptors;
mod documents;
mod dumping;
mod ending;
mod far;
mod faults;
mod flapping;
mod forged;
mod forks;
mod forms;
mod front;
mod golden;
mod groups;
mod harness;
mod hostile;
mod in_place;
mod interrupting;
mod items;
mod latest;
mod latest_history;
mod latest_trust;
mod latest_untyped;
mod lengths;
mod listing;
mod marks;
mod memory;
mod messages;
mod mmu;
mod model;
mod names;
mod notice;
mod observer;
mod observing_latest;
mod opening;
mod owed;
mod owners;
mod pairs;
mod peers;
mod planted;
mod readers;
mod recovery;
mod removing;
mod room;
mod sandbox;
mod settings;
mod sources;
mod stats;
mod stopped;
mod stopping;
mod strangers;
mod streams;
mod system;
mod top;
mod untyped;
mod waiting;
mod waking;

use harness::{Home, Job};

/// Every job that a child can be given.
const JOBS: &[(&str, Job)] = &[
    ("open-or-create", creating::open_or_create),
    ("small-tmpfs", creating::small_tmpfs),
    ("remove-unused", names::remove_unused),
    ("replace-unused", names::replace_unused),
    ("come-and-leave", names::come_and_leave),
    ("room-for-one", room::room_for_one),
    ("share", groups::share),
    ("run-out", settings::run_out),
    ("hold", ending::hold),
    ("pop-and-tell", waiting::pop_and_tell),
    ("push-many", waiting::push_many),
    ("interrupted", waiting::interrupted),
    ("interrupted-by-signals", interrupting::interrupted_by_signals),
    ("close-urgently", settings::close_urgently),
    ("push-and-stay", owed::push_and_stay),
    ("pop-and-stay", owed::pop_and_stay),
    ("panic-while-producing", ending::panic_while_producing),
    ("wait-as-told", flapping::wait_as_told),
    ("refused-to-a-child", forks::refused_to_a_child),
    ("misused-by-a-child", forks::misused_by_a_child),
    ("dropped-by-children", forks::dropped_by_children),
    ("dropped-by-process-1", forks::dropped_by_process_1),
    ("daemon-with-an-end", forks::daemon_with_an_end),
    ("start-a-program", forks::start_a_program),
    ("share-memory-with-a-child", forks::share_memory_with_a_child),
    ("attaching-beside-forks", forks::attaching_beside_forks),
    ("sleeps-without-waitv", waiting::sleeps_without_waitv),
    ("receive-descriptor", descriptors::receive),
    ("reopen-what-is-given", descriptors::reopen_what_is_given),
    ("receive-in-a-sandbox", descriptors::receive_in_a_sandbox),
    ("take-one-role-and-fork", descriptors::take_one_role_and_fork),
    ("open-for-one-role-and-fork", descriptors::open_for_one_role_and_fork),
    ("feed", stopped::feed),
    ("drain", stopped::drain),
    ("try-role", owners::try_role),
    ("in-pid-namespace", owners::in_pid_namespace),
    ("fork-and-drop", owners::fork_and_drop),
    ("fork-and-close", owners::fork_and_close),
    ("create-under-umask", planted::create_under_umask),
    ("lock-too-much", settings::lock_too_much),
    ("poke", mmu::poke),
    ("sandboxed", sandbox::sandboxed),
    ("sleep-lightly", sandbox::sleep_lightly),
    ("keep-out-of-membarriers", sandbox::keep_out_of_membarriers),
    ("without-proc", sandbox::without_proc),
    ("strict", sandbox::strict),
    ("hold-view", in_place::hold_view),
    ("half-write", in_place::half_write),
    ("half-write-values", in_place::half_write_values),
    ("whole-batches", batches::whole_batches),
    ("messages", messages::other_side),
    ("look-all-the-time", messages::look_all_the_time),
    ("push-few", waking::push_few),
    ("push-when-told", any::push_when_told),
    ("wait-refused", any::wait_refused),
    ("count-keepers", notice::count_keepers),
    ("end-somehow", notice::end_somehow),
    ("attach-and-abort", notice::attach_and_abort),
    ("keep-two-of-three", notice::keep_two_of_three),
    ("fork-beside-a-keeper", notice::fork_beside_a_keeper),
    ("without-robust-list", notice::without_robust_list),
    ("copy-on", adapters::copy_on),
    ("write-and-stay", adapters::write_and_stay),
    ("latest-write-for-ever", latest::write_for_ever),
    ("latest-hold", latest::hold),
    ("latest-fork-and-drop", latest::fork_and_drop),
    ("latest-read-only", latest::read_only),
    ("publish-three", dumping::publish_three),
    ("push-and-end", recovery::push_and_end),
    ("publish-and-stay", readers::publish_and_stay),
    ("lock-as-a-reader", readers::lock_as_a_reader),
    ("try-all-as-a-reader", readers::try_all_as_a_reader),
    ("meddle-with-futexes", readers::meddle_with_futexes),
    ("try-all-as-a-stranger", strangers::try_all_as_a_stranger),
    ("plant", strangers::plant),
    ("plant-for-ever", strangers::plant_for_ever),
    ("take-with-little-memory", memory::take_with_little_memory),
    ("push-untyped", untyped::push_for_ever),
    ("hold-untyped", untyped::hold_untyped),
    ("push-and-say", arming::push_and_say),
    ("arm-and-fork", arming::arm_and_fork),
];

/// Where a child starts. Run as a test it finds no job and has nothing to do.
#[test]
fn child() {
    if let Some((job, home)) = Home::from_environment() {
        let known = JOBS.iter().find(|(name, _)| *name == job);
        let (_, run) = known.unwrap_or_else(|| panic!("no job is called {job}"));
        run(home);
        std::process::exit(0);
    }
}
