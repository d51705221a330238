// Owns: the order of the guide's pages. Knows nothing of: code; the pages have none of their own.

//! The guide: what does not belong to any one type, in the order in which it is best read. Pages without code
//! of their own.
//!
//! | page | answers |
//! |---|---|
//! | [`regions`] | what shared memory is and costs, who may open it, what is left behind, how to clean up |
//! | [`layout`] | what lies where in a region, and why |
//! | [`ordering`] | what the other side has seen when it sees a record |
//! | [`waiting`] | how a side waits, what that costs, and how to choose |
//! | [`latency`] | which policy to choose, by figures |
//! | [`the_latest_value`] | one writer, many readers, the newest value or each in order: slots, copies, deaths |
//! | [`when_the_other_side_goes_away`] | closing, dying, restarting |
//! | [`services`] | restarts, upgrades, systemd, containers |
//! | [`trust`] | what a buggy or hostile peer can do, and what `unsafe` asks of you |
//! | [`past_one_machine`] | a ring that continues on another machine: what is promised, and when to use a broker |
//! | [`from_python`] | a side in Python: how a dtype of numpy is a type here, and what differs |
//! | [`limits`] | how large, how long, how many, and on what systems |

pub mod from_python;
pub mod latency;
pub mod layout;
pub mod limits;
pub mod ordering;
pub mod past_one_machine;
pub mod regions;
pub mod services;
pub mod the_latest_value;
pub mod trust;
pub mod waiting;
pub mod when_the_other_side_goes_away;
