//! Memory of the process and the machine.

/// Bytes of the process in memory (resident set), as the kernel counts them.
pub fn resident_bytes() -> Option<u64> {
    kib_field("/proc/self/status", "VmRSS:")
}

/// Bytes of the process in memory that belong to no file: heap and stacks, without the program itself.
pub fn anonymous_bytes() -> Option<u64> {
    kib_field("/proc/self/status", "RssAnon:")
}

/// Bytes of private memory that the process has obtained from the system, used or not.
pub fn data_bytes() -> Option<u64> {
    kib_field("/proc/self/status", "VmData:")
}

/// Bytes of memory the machine has.
pub fn machine_bytes() -> Option<u64> {
    kib_field("/proc/meminfo", "MemTotal:")
}

fn kib_field(path: &str, name: &str) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_smaller_than_the_machine() {
        let (resident, machine) = (resident_bytes().unwrap(), machine_bytes().unwrap());
        assert!(resident > 0 && resident < machine);
        let anonymous = anonymous_bytes().unwrap();
        assert!(anonymous > 0 && anonymous < resident);
    }
}
