//! What Linux tells about a process.

use std::fs;

/// Processor time that all threads of the process have had, in nanoseconds; 0 if it is gone.
///
/// The scheduler's own count, which is exact; it includes what the kernel did on the process's
/// behalf, the network's softirq work in its context too.
pub(crate) fn cpu_ns(pid: &str) -> u64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return 0 };
    let of_thread = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    threads.flatten().filter_map(of_thread).sum()
}

/// Resident memory of the process in bytes; 0 if it is gone.
///
/// From `smaps_rollup`, since the figure in `status` may be off by a batch of pages per core.
pub(crate) fn resident_bytes(pid: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Rss:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}
