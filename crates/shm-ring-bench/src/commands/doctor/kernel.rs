//! What the kernel counts time with, and what it offers to those who wait.

use super::{Finding, Kernel, Live, note, ok};

pub(super) fn all(kernel: &Kernel<'_>, live: Live) -> Vec<Finding> {
    vec![
        clock_source(kernel),
        time_stamp_counter(kernel),
        membarrier(live),
        futex_waitv(live),
        perf(kernel),
        huge_pages(kernel),
    ]
}

/// Those that are read without a system call.
const QUICK: [&str; 5] =
    ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter", "riscv_clocksource"];

fn clock_source(kernel: &Kernel<'_>) -> Finding {
    let check = "clock source";
    let directory = "/sys/devices/system/clocksource/clocksource0";
    match kernel.text(&format!("{directory}/current_clocksource")) {
        None => ok(check, "not visible here"),
        Some(source) if QUICK.contains(&source.as_str()) => ok(check, source),
        Some(source) => note(
            check,
            format!("{source}: each look at the clock is a system call"),
            format!(
                "see {directory}/available_clocksource; boot with clocksource=tsc where that is safe"
            ),
        ),
    }
}

fn time_stamp_counter(kernel: &Kernel<'_>) -> Finding {
    let check = "tsc";
    let flags = super::processors::flags(kernel);
    if !flags.iter().any(|flag| flag == "tsc") {
        return ok(check, "no such counter: round trips are timed with the monotonic clock");
    }
    let lacking: Vec<&str> = ["constant_tsc", "nonstop_tsc"]
        .into_iter()
        .filter(|wanted| !flags.iter().any(|flag| flag == wanted))
        .collect();
    match lacking.is_empty() {
        true => ok(check, "steady: round trips are timed with it"),
        false => note(
            check,
            format!("not steady ({} is missing): the monotonic clock is used", lacking.join(", ")),
            "short round trips include a dearer look at the clock: compare them with the floor only",
        ),
    }
}

fn membarrier(live: Live) -> Finding {
    let check = "membarrier";
    match live.membarrier {
        true => ok(check, "there"),
        false => note(
            check,
            "refused: a ring that sleeps pays with a fence for each message",
            "Linux 4.16 or newer, and a sandbox that allows membarrier",
        ),
    }
}

fn futex_waitv(live: Live) -> Finding {
    let check = "futex_waitv";
    match live.futex_waitv {
        true => ok(check, "there"),
        false => note(
            check,
            "refused: who sleeps on several rings wakes up to look now and then",
            "Linux 5.16 or newer, and a sandbox that allows futex_waitv",
        ),
    }
}

fn perf(kernel: &Kernel<'_>) -> Finding {
    let check = "perf events";
    match kernel.setting::<i32>("perf_event_paranoid") {
        None => ok(check, "not in this kernel: only perf would need them"),
        Some(level) if level <= 2 => ok(check, format!("perf_event_paranoid is {level}")),
        Some(level) => note(
            check,
            format!("perf_event_paranoid is {level}: perf cannot say where time goes"),
            "sysctl kernel.perf_event_paranoid=2; the comparison itself does without",
        ),
    }
}

fn huge_pages(kernel: &Kernel<'_>) -> Finding {
    let check = "huge pages";
    let chosen = |file: &str| {
        let text = kernel.text(&format!("/sys/kernel/mm/transparent_hugepage/{file}"))?;
        let (_, rest) = text.split_once('[')?;
        Some(rest.split_once(']')?.0.to_owned())
    };
    let (Some(private), shared) = (chosen("enabled"), chosen("shmem_enabled")) else {
        return ok(check, "not in this kernel");
    };
    let shared = shared.unwrap_or_else(|| "never".to_owned());
    let found = format!("{private} for private memory, {shared} for shared");
    let unasked = private == "always" || ["always", "within_size", "force"].contains(&&*shared);
    match unasked {
        true => note(
            check,
            format!("{found}: unasked, some runs may get them and some not"),
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled, never > .../shmem_enabled",
        ),
        false => ok(check, found),
    }
}
