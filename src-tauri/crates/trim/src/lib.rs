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
