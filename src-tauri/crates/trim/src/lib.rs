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
