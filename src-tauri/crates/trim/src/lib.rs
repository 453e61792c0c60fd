//! The GNU C library keeps what was freed. After a window has been closed that is some ten MiB of GTK's and WebKit's, which
//! nobody asks for again until the next window. No published crate wraps the call.

/// Returns free memory at the top and in the middle of the heaps to the system (malloc_trim(3)). Takes a few milliseconds;
/// does nothing where the allocator is not glibc's.
pub fn trim() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "a foreign function")]
    // SAFETY: it takes no pointers, is thread-safe (attributes(7): MT-Safe) and touches only memory that is free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Unmaps those pages of the program's own file that nothing has changed, some ten MiB of which only the start has needed:
/// tables of relocations, what sets everything up. Whatever runs next is mapped again from the page cache, where it is still.
/// Takes about a millisecond; does nothing where that cannot be told safely.
pub fn unmap_program() {
    #[cfg(target_os = "linux")]
    for (address, length) in unchanged().unwrap_or_default() {
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the range is one whole mapping of this program's file, not writable and without one page of its own, so
        // that each page is read from the file again as it was (madvise(2), MADV_DONTNEED on a private file mapping). Nobody
        // unmaps it: it is the program. Its file is not written to while it runs (ETXTBSY).
        unsafe {
            libc::madvise(
                std::ptr::with_exposed_provenance_mut(address),
                length,
                libc::MADV_DONTNEED,
            );
        }
    }
}

/// Address and length of the mappings of the program that hold nothing but its file. Those that were written before they
/// were protected (RELRO) have pages of their own, and would lose them.
#[cfg(target_os = "linux")]
fn unchanged() -> Option<Vec<(usize, usize)>> {
    let program = std::env::current_exe().ok()?;
    let smaps = std::fs::read_to_string("/proc/self/smaps").ok()?;
    Some(unchanged_in(&smaps, program.to_str()?))
}

/// Of the text of smaps (proc_pid_smaps(5)).
#[cfg(target_os = "linux")]
fn unchanged_in(smaps: &str, program: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut of_program = None;
    for line in smaps.lines() {
        if let Some(kib) = line.strip_prefix("Anonymous:") {
            // it comes after the mapping's own line; without it nothing is known
            if let (Some(range), "0 kB") = (of_program.take(), kib.trim()) {
                found.push(range);
            }
        } else if let Some((range, rest)) = mapping(line) {
            let mut rest = rest.split_ascii_whitespace();
            let is_fixed = rest
                .next()
                .is_some_and(|rights| rights.starts_with('r') && !rights.contains(['w', 's']));
            let is_program = rest.nth(3) == Some(program) && rest.next().is_none();
            of_program = (is_fixed && is_program).then_some(range);
        }
    }
    found
}

/// `55d0a000-55d0c000 r-xp 00002000 08:01 42 /usr/bin/wakehub`: address, length, and what follows.
#[cfg(target_os = "linux")]
fn mapping(line: &str) -> Option<((usize, usize), &str)> {
    let (range, rest) = line.split_once(' ')?;
    let (from, to) = range.split_once('-')?;
    let address = usize::from_str_radix(from, 16).ok()?;
    let end = usize::from_str_radix(to, 16).ok()?;
    Some(((address, end.checked_sub(address)?), rest))
}

/// Takes its signal handlers, and whatever else it can let go of, from an object that nobody will use again. For those whose
/// handlers hold, in a circle, what holds the object: none of them would ever be freed.
#[cfg(target_os = "linux")]
pub fn dispose(object: &impl glib::object::IsA<glib::Object>) {
    use glib::object::{Cast, ObjectExt};
    #[expect(unsafe_code, reason = "a foreign function")]
    // SAFETY: the object is alive, being borrowed, and GObject keeps it alive through the call. A disposed object is still
    // valid: it may be disposed more than once, and its methods may be called (GObject, "Reference counting and cycles").
    unsafe {
        object.upcast_ref::<glib::Object>().run_dispose();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A table of pointers: relocated at the start, then protected.
    static TABLE: [&(dyn Fn() -> u32 + Sync); 2] = [&|| 3, &|| 4];
    static COUNT: AtomicU32 = AtomicU32::new(5);

    fn resident() -> u64 {
        let program = std::env::current_exe().expect("a program");
        let smaps = std::fs::read_to_string("/proc/self/smaps").expect("reads");
        let mut kib = 0;
        let mut counts = false;
        for line in smaps.lines() {
            if mapping(line).is_some() {
                counts = line.ends_with(program.to_str().expect("text"));
            } else if let (true, Some(rss)) = (counts, line.strip_prefix("Rss:")) {
                let rss = rss.trim().trim_end_matches(" kB");
                kib += rss.parse::<u64>().expect("a number");
            }
        }
        kib
    }

    #[test]
    fn the_program_goes_on_with_all_that_it_has_changed() {
        COUNT.store(6, Ordering::SeqCst);
        let heap: BTreeMap<u32, String> = (0..1000).map(|n| (n, n.to_string())).collect();
        // all of it is there before
        let bytes = std::fs::read(std::env::current_exe().expect("a program")).expect("reads");
        assert!(!unchanged().expect("linux").is_empty());
        let before = resident();
        unmap_program();
        let after = resident();
        assert!(after < before, "{after} KiB of {before}");
        assert_eq!(TABLE.iter().map(|f| f()).sum::<u32>(), 7);
        assert_eq!(COUNT.load(Ordering::SeqCst), 6);
        assert_eq!(heap[&999], "999");
        drop(bytes);
    }

    #[test]
    fn only_what_nothing_has_changed_is_unmapped() {
        let smaps = "\
1000-3000 r--p 00000000 08:01 42    /opt/wake hub/x
Anonymous:             0 kB
1000-3000 r--p 00000000 08:01 42                         /usr/bin/wakehub
Size:                  8 kB
Rss:                   8 kB
Anonymous:             0 kB
3000-9000 r-xp 00002000 08:01 42                         /usr/bin/wakehub
Anonymous:             0 kB
9000-a000 r--p 00008000 08:01 42                         /usr/bin/wakehub
Anonymous:             4 kB
a000-b000 rw-p 00009000 08:01 42                         /usr/bin/wakehub
Anonymous:             0 kB
b000-c000 r--s 00009000 08:01 42                         /usr/bin/wakehub
Anonymous:             0 kB
c000-d000 r-xp 00000000 08:01 42                         /usr/bin/wakehub (deleted)
Anonymous:             0 kB
d000-e000 rw-p 00000000 00:00 0                          [heap]
Anonymous:             0 kB
e000-f000 r-xp 00000000 08:01 42                         /usr/bin/wakehub
";
        let found = unchanged_in(smaps, "/usr/bin/wakehub");
        assert_eq!(found, [(0x1000, 0x2000), (0x3000, 0x6000)]);
        assert_eq!(unchanged_in("", "/usr/bin/wakehub"), []);
    }
}
