//! `lab`: a homelab on this computer until Ctrl-C, to try WakeHub on.

#[cfg(target_os = "linux")]
mod program;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    program::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    use std::io::Write;
    let _ = writeln!(
        std::io::stderr(),
        "the lab is made of Linux network namespaces and runs on Linux only"
    );
    std::process::ExitCode::FAILURE
}
