//! homelab.toml: what is read, what is refused with which line, and that an export reads back as it was.

use wakehub_domain::{Day, Graph, NodeId, NodeKind};
use wakehub_view::homelab::{export, import};
use wakehub_view::wire::EntryError;

const REFERENCE: &str = r#"
[[node]]
name = "nas"
kind = "machine"                      # machine | vm | lxc | container
mac = "52-54-00-00-00-03"
address = "10.77.0.3"
ssh = { user = "root", auth = "key", key_file = "~/.ssh/id_ed25519", port = 22 }
pinned = true
confirm_before_auto_stop = true
auto_stop_windows = [{ from = "22:00", to = "07:00", days = ["fri", "sat"] }]

[[node]]
name = "machine2"
kind = "machine"
mac = "52:54:00:00:00:02"
address = "10.77.0.2"
ssh = { user = "root", auth = "password" }
proxmox_api = { url = "https://10.77.0.2:8006", node = "pve2", token_id = "root@pam!wakehub" }

[[node]]
name = "lxc-jellyfin"
kind = "lxc"
host = "machine2"
platform_id = "101"
depends_on = ["nas"]
url = "http://10.77.0.21:8096"
idle = { timeout_minutes = 30, criteria = { network_traffic = { bytes_per_tick = 1024 }, cpu = { cores = 0.5 } } }
schedules = [
    { action = "start", cron = "0 18 * * 1-5", time_zone = "Europe/Paris" },
    { action = "stop", cron = "30 23 * * *", catch_up_minutes = 30 },
]
"#;

fn read(text: &str) -> Result<Graph, Vec<EntryError>> {
    let empty = Graph::default();
    let imported = import(text, &empty)?;
    assert!(imported.changed.is_empty());
    Graph::new(imported.added).map_err(|error| panic!("import let through: {error}"))
}

/// The one error of a text that must be refused: (line, message).
fn refused(text: &str) -> (Option<u32>, String) {
    let errors = read(text).expect_err("must be refused");
    let first = errors.first().expect("a reason").clone();
    (first.line, first.message)
}

#[test]
fn reads_the_format_of_the_design() {
    let graph = read(REFERENCE).expect("valid");
    let jellyfin = graph.find("lxc-jellyfin").expect("there");
    assert_eq!(jellyfin.kind, NodeKind::Lxc);
    assert_eq!(graph.name(jellyfin.host.expect("a host")), "machine2");
    assert_eq!(graph.name(jellyfin.depends_on[0]), "nas");
    assert!(jellyfin.settings.idle.is_some());
    assert_eq!(jellyfin.settings.schedules.len(), 2);
    assert_eq!(
        jellyfin.settings.schedules[1].reading(),
        "every day at 23:30"
    );
    let nas = graph.find("nas").expect("there");
    assert_eq!(nas.settings.auto_stop_windows[0].days, [Day::Fri, Day::Sat]);
    assert!(nas.settings.pinned);
    assert_eq!(nas.wol.as_ref().expect("wol").mac, "52:54:00:00:00:03");
}

#[test]
fn an_export_reads_back_as_the_same_homelab() {
    let graph = read(REFERENCE).expect("valid");
    let text = export(&graph).expect("written");
    let again = read(&text).expect("its own export is valid");
    assert_eq!(graph.nodes(), again.nodes());
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn an_import_changes_the_nodes_of_the_same_name_and_keeps_the_rest() {
    let mut nodes = read(REFERENCE).expect("valid").nodes().to_vec();
    for node in &mut nodes {
        // as the database numbers them
        node.id.0 -= 1 << 31;
        node.host = node.host.map(|host| NodeId(host.0 - (1 << 31)));
        for dependency in &mut node.depends_on {
            dependency.0 -= 1 << 31;
        }
    }
    let graph = Graph::new(nodes).expect("valid");
    let changed = import(
        "[[node]]\nname = \"nas\"\nkind = \"machine\"\naddress = \"10.77.0.33\"\n",
        &graph,
    )
    .expect("valid");
    assert!(changed.added.is_empty());
    assert_eq!(changed.changed.len(), 1);
    assert_eq!(changed.changed[0].id, graph.find("nas").expect("there").id);
    assert_eq!(changed.changed[0].address.as_deref(), Some("10.77.0.33"));
}

#[test]
fn every_refusal_names_its_line_and_reason() {
    let nas = "[[node]]\nname = \"nas\"\nkind = \"machine\"\n";
    let cases: [(&str, String, Option<u32>, &str); 12] = [
        (
            "unknown key",
            format!("{nas}colour = \"red\"\n"),
            Some(4),
            "unknown field `colour`",
        ),
        (
            "unknown top level",
            format!("{nas}\n[settings]\n"),
            Some(5),
            "unknown field `settings`",
        ),
        (
            "wrong type",
            format!("{nas}pinned = \"yes\"\n"),
            Some(4),
            "invalid type",
        ),
        (
            "unknown kind",
            "[[node]]\nname = \"x\"\nkind = \"toaster\"\n".to_owned(),
            Some(3),
            "unknown variant `toaster`",
        ),
        (
            "missing host",
            "\n[[node]]\nname = \"c\"\nkind = \"container\"\nhost = \"nobody\"\n".to_owned(),
            Some(2),
            "there is no node nobody",
        ),
        (
            "guest without a host",
            "[[node]]\nname = \"c\"\nkind = \"container\"\n".to_owned(),
            Some(1),
            "needs the node that hosts it",
        ),
        (
            "host lacks the capability",
            format!("{nas}\n[[node]]\nname = \"c\"\nkind = \"container\"\nhost = \"nas\"\n"),
            Some(5),
            "needs a host with a Docker API, and nas has none",
        ),
        (
            "two hosts",
            format!(
                "{nas}\n[[node]]\nname = \"c\"\nkind = \"container\"\nhost = [\"nas\", \"pi\"]\n"
            ),
            Some(8),
            "invalid type: sequence",
        ),
        (
            "name twice",
            format!("{nas}\n{nas}"),
            Some(5),
            "nas stands in line 1 already",
        ),
        (
            "unknown dependency",
            format!("{nas}depends_on = [\"ups\"]\n"),
            Some(1),
            "there is no node ups",
        ),
        (
            "bad mac",
            format!("{nas}mac = \"52:54:00:00:00\"\n"),
            Some(1),
            "six bytes in hexadecimal",
        ),
        ("no toml", "<html>".to_owned(), Some(1), ""),
    ];
    for (what, text, line, reason) in cases {
        let (found_line, message) = refused(&text);
        assert_eq!(found_line, line, "{what}: {message}");
        assert!(message.contains(reason), "{what}: {message}");
    }
}

#[test]
fn a_cycle_over_both_layers_is_refused_with_the_whole_path() {
    let text = r#"
[[node]]
name = "machine1"
kind = "machine"
depends_on = ["vm-nas"]
proxmox_api = { url = "https://10.77.0.1:8006", node = "pve1", token_id = "root@pam!wakehub" }

[[node]]
name = "vm-nas"
kind = "vm"
host = "machine1"
platform_id = "100"
"#;
    let (line, message) = refused(text);
    assert_eq!(line, Some(2));
    assert!(
        message.contains("machine1 → vm-nas → machine1")
            || message.contains("vm-nas → machine1 → vm-nas"),
        "{message}"
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = "[[node]]\nname = \"a\"\nkind = \"vm\"\nplatform_id = \"x\"\n\n[[node]]\nname = \"b\"\nkind = \"machine\"\nhost = \"a\"\n";
    let errors = read(text).expect_err("must be refused");
    let fields: Vec<_> = errors
        .iter()
        .map(|e| (e.line, e.field.as_deref()))
        .collect();
    assert!(fields.contains(&(Some(1), Some("host"))), "{fields:?}");
    assert!(
        fields.contains(&(Some(1), Some("platform_id"))),
        "{fields:?}"
    );
    assert!(fields.contains(&(Some(6), Some("host"))), "{fields:?}");
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let (_, message) = refused(&"#".repeat(10_000_000));
    assert!(message.contains("10000000 bytes"), "{message}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,400}") {
        let _ = import(&text, &Graph::default());
    }

    #[test]
    fn no_mutation_of_a_valid_file_makes_it_panic(at in 0_usize..1200, with in ".{0,3}") {
        let mut text: Vec<char> = REFERENCE.chars().collect();
        let at = at.min(text.len() - 1);
        text.splice(at..=at, with.chars());
        let text: String = text.into_iter().collect();
        if let Ok(imported) = import(&text, &Graph::default()) {
            proptest::prop_assert!(Graph::new(imported.added).is_ok());
        }
    }
}
