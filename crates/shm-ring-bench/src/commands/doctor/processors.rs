//! The processors that a comparison is pinned to: their speed, who else has them, how much of them we
//! get.

use std::collections::BTreeSet;

use super::{Finding, Kernel, note, ok};

/// Two sides that spin.
const NEEDED: f64 = 2.0;

pub(super) fn all(kernel: &Kernel<'_>, pinned: [usize; 2]) -> Vec<Finding> {
    vec![
        virtual_machine(kernel),
        stolen(kernel),
        governor(kernel, pinned),
        turbo(kernel),
        siblings(kernel, pinned),
        cpuset(kernel),
        quota(kernel),
        load(kernel),
    ]
}

fn virtual_machine(kernel: &Kernel<'_>) -> Finding {
    let check = "virtual machine";
    let said = kernel.text("/sys/hypervisor/type");
    if said.is_none() && !flags(kernel).iter().any(|flag| flag == "hypervisor") {
        return ok(check, "none that shows");
    }
    let dmi = ["sys_vendor", "product_name"]
        .map(|file| kernel.text(&format!("/sys/class/dmi/id/{file}")).unwrap_or_default());
    let named = [said.unwrap_or_default(), dmi.join(" ").trim().to_owned()];
    let named: Vec<_> = named.into_iter().filter(|name| !name.is_empty()).collect();
    let found = match named.join(", ") {
        none if none.is_empty() => "yes".to_owned(),
        named => format!("yes: {named}"),
    };
    note(
        check,
        found,
        "believe ratios within one comparison, and neither absolute times nor percentiles from p99.9 on",
    )
}

/// What a file says about a processor.
fn about(kernel: &Kernel<'_>, cpu: usize, file: &str) -> Option<String> {
    kernel.text(&format!("/sys/devices/system/cpu/cpu{cpu}/{file}"))
}

/// What the processors of this machine can do.
pub(super) fn flags(kernel: &Kernel<'_>) -> Vec<String> {
    let text = kernel.text("/proc/cpuinfo").unwrap_or_default();
    let flags = text.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    flags.split_whitespace().skip(2).map(str::to_owned).collect()
}

/// What all processors have done since the machine was started, in ticks.
#[derive(Clone, Copy)]
pub(super) struct Time {
    all: u64,
    idle: u64,
    stolen: u64,
}

impl Time {
    pub(super) fn read(kernel: &Kernel<'_>) -> Option<Self> {
        let stat = kernel.text("/proc/stat")?;
        let ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
        // User, nice, system, idle, waiting, two kinds of interrupts, stolen.
        let ticks: Vec<u64> = ticks.map(str::parse).take(8).collect::<Result<_, _>>().ok()?;
        let &[_, _, _, idle, waiting, _, _, stolen] = ticks.as_slice() else { return None };
        Some(Self { all: ticks.iter().sum(), idle: idle + waiting, stolen })
    }

    /// The part that was not idle since `before`. None if no time has passed.
    pub(super) fn busy_since(self, before: Self) -> Option<f64> {
        let all = self.all.checked_sub(before.all).filter(|&all| all > 0)?;
        let idle = self.idle.saturating_sub(before.idle).min(all);
        Some((all - idle) as f64 / all as f64)
    }
}

/// Time that the host gave to others.
fn stolen(kernel: &Kernel<'_>) -> Finding {
    let check = "stolen time";
    let Some(Time { all, stolen, .. }) = Time::read(kernel).filter(|time| time.all > 0) else {
        return ok(check, "not counted here");
    };
    let stolen = stolen as f64 / all as f64 * 100.0;
    let found = format!("{stolen:.1} % since the machine was started");
    match stolen >= 1.0 {
        true => note(check, found, "measure when the host is quieter, or on a machine of its own"),
        false => ok(check, found),
    }
}

fn governor(kernel: &Kernel<'_>, pinned: [usize; 2]) -> Finding {
    let check = "governor";
    let governors: BTreeSet<String> =
        pinned.iter().filter_map(|&cpu| about(kernel, cpu, "cpufreq/scaling_governor")).collect();
    let found = governors.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
    match found.as_str() {
        "" => ok(check, "not visible here"),
        "performance" => ok(check, found),
        _ => note(check, found, "cpupower frequency-set -g performance"),
    }
}

fn turbo(kernel: &Kernel<'_>) -> Finding {
    let check = "turbo";
    let cpu = "/sys/devices/system/cpu";
    let no_turbo = format!("{cpu}/intel_pstate/no_turbo");
    let boost = format!("{cpu}/cpufreq/boost");
    let (on, file, off) = match (kernel.number::<u8>(&no_turbo), kernel.number::<u8>(&boost)) {
        (Some(no), _) => (no == 0, no_turbo, 1),
        (None, Some(yes)) => (yes != 0, boost, 0),
        (None, None) => return ok(check, "not visible here"),
    };
    match on {
        true => note(
            check,
            "on: the speed depends on heat and on what the other cores do",
            format!("echo {off} > {file}"),
        ),
        false => ok(check, "off"),
    }
}

fn siblings(kernel: &Kernel<'_>, [a, b]: [usize; 2]) -> Finding {
    let check = "cores";
    if a == b {
        return note(
            check,
            format!("only processor {a} may be used"),
            "allow two: taskset, or the container's processors; what spins is skipped until then",
        );
    }
    let siblings = |cpu: usize| -> BTreeSet<usize> {
        let text = about(kernel, cpu, "topology/thread_siblings_list").unwrap_or_default();
        listed(&text)
    };
    if siblings(a).contains(&b) {
        let others = &allowed(kernel) - &siblings(a);
        let advice = match others.first() {
            Some(other) => format!("--cpus {a},{other}, or switch SMT off"),
            None => "there is no other core here that we may use".to_owned(),
        };
        return note(check, format!("processors {a} and {b} are two threads of one core"), advice);
    }
    let mut sharing = Vec::new();
    for cpu in [a, b] {
        for sibling in siblings(cpu).into_iter().filter(|&sibling| sibling != cpu) {
            sharing.push(format!("{sibling} is a thread of the core of {cpu}"));
        }
    }
    match sharing.is_empty() {
        true => ok(check, format!("processors {a} and {b} have one each")),
        false => ok(
            check,
            format!("processors {a} and {b} have one each; {}: keep it idle", sharing.join(", ")),
        ),
    }
}

fn allowed(kernel: &Kernel<'_>) -> BTreeSet<usize> {
    let status = kernel.text("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    listed(line.unwrap_or_default())
}

fn online(kernel: &Kernel<'_>) -> BTreeSet<usize> {
    listed(&kernel.text("/sys/devices/system/cpu/online").unwrap_or_default())
}

fn cpuset(kernel: &Kernel<'_>) -> Finding {
    let check = "cpuset";
    let (allowed, online) = (allowed(kernel).len(), online(kernel).len());
    let found = format!("{allowed} of {online} processors may be used");
    match allowed < 2 {
        true => note(check, found, "allow two: taskset, or the container's processors"),
        false => ok(check, found),
    }
}

/// Processor numbers such as 0-3,8.
fn listed(text: &str) -> BTreeSet<usize> {
    let range = |part: &str| {
        let (first, last) = part.trim().split_once('-').unwrap_or((part.trim(), part.trim()));
        Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
    };
    // No machine has more, whatever a file says.
    let sane = |range: &std::ops::RangeInclusive<usize>| *range.end() < 1 << 16;
    text.split(',').filter_map(range).filter(sane).flatten().collect()
}

/// The processors that the control groups above this process pay for.
fn quota(kernel: &Kernel<'_>) -> Finding {
    let check = "cpu quota";
    let groups = kernel.text("/proc/self/cgroup").unwrap_or_default();
    let mut least = f64::INFINITY;
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let mounts: &[&str] = match controllers {
            "" => &["", "/unified"],
            _ if controllers.split(',').any(|controller| controller == "cpu") => {
                &["/cpu", "/cpu,cpuacct"]
            }
            _ => continue,
        };
        for above in std::path::Path::new(path).ancestors() {
            let above = above.display().to_string();
            let directories = mounts.iter().map(|mount| format!("/sys/fs/cgroup{mount}{above}"));
            least = directories.filter_map(|place| of_group(kernel, &place)).fold(least, f64::min);
        }
    }
    match least {
        enough if enough >= NEEDED && enough.is_finite() => {
            ok(check, format!("{enough} processors"))
        }
        f64::INFINITY => ok(check, "none"),
        least => note(
            check,
            format!("{least} processors: both sides are stopped when it is used up"),
            "raise the limit of the container or of the service (cpu.max) to two or more",
        ),
    }
}

fn of_group(kernel: &Kernel<'_>, directory: &str) -> Option<f64> {
    let (quota, period) = match kernel.text(&format!("{directory}/cpu.max")) {
        Some(text) => {
            let (quota, period) = text.split_once(' ')?;
            (quota.parse::<f64>().ok()?, period.trim().parse::<f64>().ok()?)
        }
        None => (
            kernel.number(&format!("{directory}/cpu.cfs_quota_us"))?,
            kernel.number(&format!("{directory}/cpu.cfs_period_us"))?,
        ),
    };
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

fn load(kernel: &Kernel<'_>) -> Finding {
    let check = "load";
    let loadavg = kernel.text("/proc/loadavg").unwrap_or_default();
    let Some(load) = loadavg.split_whitespace().next().and_then(|load| load.parse::<f64>().ok())
    else {
        return ok(check, "not counted here");
    };
    let processors = online(kernel).len();
    let found = format!("{load:.2} on {processors} processors in the last minute");
    // Half a processor is what a machine uses that does nothing in particular.
    match processors as f64 - load < NEEDED - 0.5 {
        true => note(check, found, "stop the other work: two processors have to be free"),
        false => ok(check, found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_processors_are_read_whatever_stands_there() {
        let numbers = |text| listed(text).into_iter().collect::<Vec<_>>();
        assert_eq!(numbers("0-2,8"), [0, 1, 2, 8]);
        assert_eq!(numbers(" 3\n"), [3]);
        assert_eq!(numbers("0-99999999999,x,4-,7-5"), [] as [usize; 0]);
    }
}
