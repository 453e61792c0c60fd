//! Answers recorded from the script on real systems, answers composed by the documented formats of what does not run here,
//! and anything else without a panic.

use super::*;
use proptest::prelude::*;

macro_rules! recorded {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/recorded/ssh/",
            $name,
            ".txt"
        ))
    };
}

fn read(answer: &str) -> Usage {
    usage(answer, "")
}

fn part(name: &str, text: &str, status: i32) -> String {
    format!("@wakehub {name}\n{text}\n@status {status}\n")
}

/// One part in an answer that has nothing else.
fn only(name: &str, text: &str, status: i32) -> Usage {
    read(&part(name, text, status))
}

fn why(usage: &Usage, what: Signal) -> &str {
    let mut missing = usage.missing.iter().filter(|missing| missing.what == what);
    missing.next().map_or("", |missing| missing.why.as_str())
}

fn missing(usage: &Usage) -> Vec<Signal> {
    usage.missing.iter().map(|missing| missing.what).collect()
}

#[test]
fn debian_12() {
    let usage = read(recorded!("debian-12"));
    assert!(usage.up.is_some_and(|up| up.as_secs() > 50_000));
    let Some(CpuUse::Busy { busy, of, cores: 2 }) = usage.cpu else {
        panic!("{usage:?}");
    };
    assert!(busy > 6_000_000 && of > busy + 4_000_000, "{busy} of {of}");
    let memory = usage.memory.unwrap();
    assert_eq!(memory.total, 24_684_096 * 1024);
    assert!(memory.fraction().unwrap() < 0.1, "{memory:?}");
    assert!(usage.rx_bytes.unwrap() >= 1_034 && usage.rx_packets.unwrap() >= 13);
    assert!(usage.tx_bytes.unwrap() > 0 && usage.tx_packets.unwrap() > 0);
    assert!(usage.read_bytes.unwrap() > 249_542_546 * 512 / 2);
    assert!(usage.written_bytes.unwrap() > usage.read_bytes.unwrap());
    // Four were there: ours, another login, and two to a port that is polled.
    assert_eq!(usage.connections, Some(2));
    assert_eq!(missing(&usage), [Signal::Users]);
    assert!(why(&usage, Signal::Users).contains("not been booted with systemd"));
    assert_eq!(usage.inhibitors, [""; 0]);
}

#[test]
fn busybox() {
    let usage = read(recorded!("busybox-1.35"));
    assert_eq!(usage.connections, Some(2));
    assert!(usage.cpu.is_some() && usage.memory.is_some() && usage.rx_bytes.is_some());
    assert!(usage.read_bytes.is_some());
    assert_eq!(missing(&usage), [Signal::Users]);
    assert_eq!(
        why(&usage, Signal::Users),
        "the system keeps no list of logins (utmp)"
    );
}

#[test]
fn without_proc_everything_is_missing_and_said() {
    let usage = read(recorded!("busybox-without-proc"));
    let expected = [
        (Signal::Cpu, "there is no /proc/stat on this system"),
        (Signal::Memory, "there is no /proc/meminfo on this system"),
        (Signal::Network, "there is no /proc/net/dev on this system"),
        (Signal::Disk, "there is no /proc/diskstats on this system"),
        (
            Signal::Connections,
            "neither ss nor netstat nor /proc/net/tcp",
        ),
        (Signal::Users, "the system keeps no list of logins (utmp)"),
    ];
    let told: Vec<(Signal, &str)> = usage
        .missing
        .iter()
        .map(|missing| (missing.what, missing.why.as_str()))
        .collect();
    assert_eq!(told, expected);
    let nothing = Usage {
        missing: usage.missing.clone(),
        ..Usage::new(Target::Itself)
    };
    assert_eq!(usage, nothing);
}

#[test]
fn windows_says_that_it_has_no_shell() {
    let words = "'sh' is not recognized as an internal or external command";
    let told = usage("", words);
    assert_eq!(told.missing.len(), 7);
    assert_eq!(
        why(&told, Signal::Cpu),
        format!("the machine runs no POSIX shell: {words}")
    );
}

#[test]
fn an_answer_that_ends_early_lacks_what_comes_later() {
    let whole = recorded!("debian-12");
    let cut = whole.find("MemAvailable").unwrap();
    let usage = read(&whole[..cut]);
    assert!(usage.cpu.is_some());
    assert_eq!(usage.memory, None);
    assert_eq!(why(&usage, Signal::Memory), "the answer ended too early");
    assert_eq!(why(&usage, Signal::Disk), "the answer ended too early");
    assert_eq!(
        why(&usage, Signal::Inhibitors),
        "the answer ended too early"
    );
}

#[test]
fn what_the_login_shell_says_first_is_no_part_of_it() {
    let noisy = format!("Welcome to fish\n{}", recorded!("debian-12"));
    assert_eq!(read(&noisy), read(recorded!("debian-12")));
}

#[test]
fn processor_time_without_waiting_and_without_counting_guests_twice() {
    let stat = "cpu  10 20 30 1000 500 1 2 3 7 8\ncpu0 5 10 15 500 250 0 1 1 7 8\ncpu1 5 10 15 500 250 1 1 2 0 0";
    let busy = CpuUse::Busy {
        busy: 66,
        of: 1566,
        cores: 2,
    };
    assert_eq!(only("stat", stat, 0).cpu, Some(busy));
    // Linux 2.4 knew four kinds.
    let old = CpuUse::Busy {
        busy: 60,
        of: 1060,
        cores: 1,
    };
    let stat = "cpu 10 20 30 1000\ncpu0 10 20 30 1000";
    assert_eq!(only("stat", stat, 0).cpu, Some(old));
    for garbage in ["cpu 1 2", "cpu 1 2 x 4\ncpu0 1 2 3 4", "cpu 1 2 3 4", ""] {
        let usage = only("stat", garbage, 0);
        assert_eq!(usage.cpu, None, "{garbage}");
        assert!(why(&usage, Signal::Cpu).contains("/proc/stat"), "{garbage}");
    }
    let most = u64::MAX;
    let huge = format!("cpu {most} {most} 1 1\ncpu0 1 1 1 1");
    assert_eq!(only("stat", &huge, 0).cpu, None);
}

#[test]
fn memory_of_a_kernel_without_memavailable() {
    let text = "MemTotal: 1000 kB\nMemFree: 100 kB\nBuffers: 50 kB\nCached: 250 kB";
    let memory = Memory {
        used: 600 * 1024,
        total: 1000 * 1024,
    };
    assert_eq!(only("memory", text, 0).memory, Some(memory));
    assert_eq!(only("memory", "MemTotal: 1000 kB", 0).memory, None);
    assert_eq!(only("memory", "MemTotal: 0 kB", 0).memory, None);
}

/// `/proc/net/dev` of a virtualisation host: a bond of two cards, a bridge on it, a VLAN, a guest, a container.
const DEV: &str = "\
  eno1: 1000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0
  eno2:2000 20 0 0 0 0 0 0 700 7 0 0 0 0 0 0
 bond0: 3000 30 0 0 0 0 0 0 1200 12 0 0 0 0 0 0
bond0.20: 900 9 0 0 0 0 0 0 100 1 0 0 0 0 0 0
 vmbr0: 3000 30 0 0 0 0 0 0 1200 12 0 0 0 0 0 0
fwbr100i0: 8 8 0 0 0 0 0 0 8 8 0 0 0 0 0 0
docker0: 8 8 0 0 0 0 0 0 8 8 0 0 0 0 0 0
br-0a1b2c: 8 8 0 0 0 0 0 0 8 8 0 0 0 0 0 0
   wg0: 50 5 0 0 0 0 0 0 50 5 0 0 0 0 0 0";

#[test]
fn members_of_bonds_and_bridges_are_counted_once() {
    for nics in ["eno1\neno2", "", "enp9s0"] {
        let usage = read(&(part("nics", nics, 0) + &part("net", DEV, 0)));
        assert_eq!(usage.rx_bytes, Some(3000), "{nics}");
        assert_eq!(usage.rx_packets, Some(30));
        assert_eq!(usage.tx_bytes, Some(1200));
        assert_eq!(usage.tx_packets, Some(12));
    }
}

#[test]
fn without_an_interface_traffic_is_missing_and_not_nothing() {
    let inside = "docker0: 8 8 0 0 0 0 0 0 8 8 0 0 0 0 0 0";
    let usage = only("net", inside, 0);
    assert_eq!((usage.rx_bytes, usage.tx_packets), (None, None));
    assert!(why(&usage, Signal::Network).contains("no network interface"));
    let cut = only("net", "eth0: 1000 10 0 0", 0);
    assert_eq!((cut.rx_bytes, cut.tx_bytes), (None, None));
    assert!(why(&cut, Signal::Network).contains("/proc/net/dev"));
}

/// A NAS with a mirror of two disks under md and LVM.
const DISKSTATS: &str = "\
   8 0 sda 10 0 100 0 20 0 200 0 0 0 0
   8 1 sda1 10 0 100 0 20 0 200 0 0 0 0
   8 16 sdb 10 0 60 0 20 0 200 0 0 0 0
   9 0 md0 10 0 160 0 20 0 200 0 0 0 0
 253 0 dm-0 10 0 160 0 20 0 200 0 0 0 0
 259 0 nvme0n1 1 0 2 0 1 0 3 0 0 0 0 0 0 0 0 0 0
 259 1 nvme0n1p1 1 0 2 0 1 0 3 0 0 0 0 0 0 0 0 0 0
 179 0 mmcblk0 1 0 8 0 1 0 7 0 0 0 0
 179 1 mmcblk0p1 1 0 8 0 1 0 7 0 0 0 0
 252 0 zram0 1 0 8 0 1 0 8 0 0 0 0";

#[test]
fn whole_disks_only() {
    for names in ["sda\nsdb\nnvme0n1\nmmcblk0", ""] {
        let usage = read(&(part("disks", names, 0) + &part("diskstats", DISKSTATS, 0)));
        assert_eq!(usage.read_bytes, Some(170 * 512), "{names}");
        assert_eq!(usage.written_bytes, Some(410 * 512));
    }
    let none = only("diskstats", "   9 0 md0 1 0 1 0 1 0 1 0 0 0 0", 0);
    assert_eq!((none.read_bytes, none.written_bytes), (None, None));
    assert!(why(&none, Signal::Disk).contains("no disk"));
}

#[test]
fn logins_with_a_terminal() {
    let count = |text: &str| only("users", text, 0).users;
    assert_eq!(count(""), Some(0));
    let coreutils = "who max      tty7         2026-11-21 09:12 (:0)\nwho root     pts/0        2026-11-21 19:20 (10.0.0.5)";
    assert_eq!(count(coreutils), Some(2));
    let busybox = "who USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\nwho root\t\tpts/0\t\t00:00\tNov 21 19:20\t 10.0.0.5";
    assert_eq!(count(busybox), Some(1));
    let freebsd = "who root             ttyv0        Nov 21 19:20";
    assert_eq!(count(freebsd), Some(1));
    // What an `sshd` without a terminal looks like where `who` asks logind.
    assert_eq!(
        count("who root     sshd         2026-11-21 19:20 (10.0.0.5)"),
        Some(0)
    );
    let absent = only("users", "sh: 30: who: not found", 0);
    assert_eq!(absent.users, None);
    assert_eq!(why(&absent, Signal::Users), "sh: 30: who: not found");
}

#[test]
fn logins_that_logind_tells() {
    let count = |text: &str| only("users", text, 0).users;
    let systemd_252 = "own 7\nsession  3 1000 max  seat0 tty2\nsession  5 1000 max        pts/1\nsession  7    0 root      \nsession c1  117 gdm  seat0 tty1";
    assert_eq!(count(systemd_252), Some(2));
    let systemd_257 = "own 7\nsession 3 1000 max seat0 1200 user tty2 no -\nsession 4 1000 max - 1210 manager - no -\nsession 7 0 root - 1300 user - no -\nsession 9 0 root - 1400 user pts/0 no -\nsession c1 990 sddm-x seat0 900 greeter tty1 no -";
    assert_eq!(count(systemd_257), Some(2));
    assert_eq!(count("own 7\nsession "), Some(0));
}

#[test]
fn arrays_at_work_must_not_be_interrupted() {
    let mdstat = "\
md1 : active raid1 sdb2[1] sda2[0]
      [=>...................]  check =  7.3% (71303168/976630464) finish=83.2min speed=181300K/sec
md0 : active raid5 sdd1[3] sdc1[1] sdb1[0]
      [==>..................]  recovery = 12.6% (37043392/292945152) finish=127.5min speed=33440K/sec
md2 : active raid1 sdd2[1] sdc2[0]
      \tresync=DELAYED
md3 : active (auto-read-only) raid1 sdf1[1] sde1[0]
      \tresync=PENDING";
    assert_eq!(
        only("mdstat", mdstat, 0).inhibitors,
        [
            "check of md1, 7.3 % done",
            "recovery of md0, 12.6 % done",
            "resync of md2 is to come"
        ]
    );
    let unreadable = only("mdstat", "sed: /proc/mdstat: Permission denied", 1);
    assert!(missing(&unreadable).contains(&Signal::Inhibitors));
}

#[test]
fn pools_at_work_must_not_be_interrupted() {
    let status = "  pool: tank
  scan: scrub in progress since Sun Nov  9 00:24:01 2026
\t0B repaired, 12.34% done, 03:12:01 to go
  pool: old
  scan: resilver in progress since Sat Nov  8 10:00:00 2026
    1.01G resilvered, 5.02% done
  pool: still
  scan: scrub paused since Sun Nov  9 00:24:01 2026
\t0B repaired, 40.00% done
  pool: fine
  scan: scrub repaired 0B in 01:12:13 with 0 errors on Sun Oct 12 01:36:14 2026";
    assert_eq!(
        only("pools", status, 0).inhibitors,
        [
            "scrub of tank, 12.34 % done",
            "resilver of old, 5.02 % done"
        ]
    );
    let unloaded =
        "The ZFS modules are not loaded.\nTry running '/sbin/modprobe zfs' as root to load them.";
    let unloaded = part("mdstat", "", 0) + &part("pools", unloaded, 1);
    assert!(!missing(&read(&unloaded)).contains(&Signal::Inhibitors));
    let hung = part("mdstat", "", 0) + &part("pools", "", 124);
    assert_eq!(
        why(&read(&hung), Signal::Inhibitors),
        "`zpool status` does not answer"
    );
}

#[test]
fn locks_that_block_a_shutdown() {
    let answer = r#"a(ssssuu) 4 "shutdown:sleep" "PackageKit" "Package \"apt\" is being installed" "block" 0 812 "sleep" "NetworkManager" "NetworkManager needs to turn off networks" "delay" 0 611 "handle-power-key:handle-suspend-key" "gnome" "keys" "block" 1000 2000 "idle" "vlc" "playing" "block" 1000 2001"#;
    assert_eq!(
        only("locks", answer, 0).inhibitors,
        [r#"PackageKit: Package "apt" is being installed"#]
    );
    assert_eq!(only("locks", "a(ssssuu) 0", 0).inhibitors, [""; 0]);
    let refused = "Call failed: The name org.freedesktop.login1 was not provided";
    assert_eq!(only("locks", refused, 1).inhibitors, [""; 0]);
}

#[test]
fn a_list_that_was_cut_is_not_summed() {
    let line = "   8 0 sda 10 0 100 0 20 0 200 0 0 0 0";
    let lines = vec![line; LINES];
    let usage = only("diskstats", &lines.join("\n"), 0);
    assert_eq!(usage.read_bytes, None);
}

proptest! {
    #[test]
    fn anything_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_part_is_read_without_a_panic(
        name in prop::sample::select(vec![
            "uptime", "stat", "memory", "disks", "diskstats", "peers", "users", "mdstat", "pools", "locks", "nics", "net",
        ]),
        text in "[a-z0-9 :=%.\"\\\\/\n-]{0,300}",
        status in -1..200i32,
    ) {
        let _ = only(name, &text, status);
    }

    #[test]
    fn a_damaged_answer_is_read_without_a_panic(at in 0usize..1200, byte in any::<u8>(), cut in 0usize..1200) {
        let mut bytes = recorded!("debian-12").as_bytes().to_vec();
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        bytes.truncate(cut);
        let _ = read(&String::from_utf8_lossy(&bytes));
    }
}
