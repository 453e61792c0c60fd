//! What the engine says: the journal, reasons, refusals to a command, how far a step is, what is the matter.
//!
//! The sentences stand here in one table, so that none can be said that has no French: `tests/french.rs` looks each up in
//! `ui/src/lib/i18n/fr-engine.json`. The planner's are in `domain::cascade`, those of a platform in its connector.

use std::fmt;

macro_rules! sentences {
    ($($name:ident $({ $($field:ident),+ })? $text:literal;)+) => {
        /// One sentence with what stands in its gaps.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Said<'a> {
            $($name $({ $($field: &'a str),+ })?,)+
        }

        impl fmt::Display for Said<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Said::$name $({ $($field),+ })? => write!(f, $text),)+
                }
            }
        }

        /// All of them, with the names of their gaps in braces.
        pub const TEMPLATES: &[&str] = &[$($text),+];
    };
}

sentences! {
    // the journal
    Begins { action, name } "begin to {action} {name}";
    InThisOrder { names } "in this order: {names}";
    OnFor { names } "on for: {names}";
    LeftAsItIs { name } "{name} is left as it is";
    Done { name, action } "{name}: {action} done";
    Failed { name, action } "{name}: {action} failed";
    Ended { action, name, ended } "the {action} of {name} {ended}";
    WasInterrupted { action, name } "the {action} of {name} was interrupted";
    CanBeResumed "WakeHub ended in the middle of it; it can be resumed";
    Refused { action, name } "refused to {action} {name}";
    NothingToDo { action, name } "nothing to do to {action} {name}";
    NoLongerWaits { action, name } "the {action} of {name} no longer waits";
    Asked { name } "asked whether to shut {name} down";
    NoLongerAsked { name } "{name} is no longer asked about";
    ToBeShutDown { name } "{name} is to be shut down";
    StaysOn { name } "{name} stays on";
    GivenNotice { name } "{name} is to be shut down in a minute, unless you keep it on";
    NotUsedFor { time } "it has not been used for {time}";
    UsedWithin { time } "it was used, or not measured, less than {time} ago";
    InUse { why } "it is in use: {why}";
    NotToBeInterrupted { why } "it must not be interrupted: {why}";
    MayBeInUse { why } "nobody can say that it is not used: {why}";
    NotMeasuredYet "nobody can say that it is not used: nothing was measured yet";
    StopsPausedFor { time } "automatic stops are paused for {time}";
    StopsNotPaused "automatic stops are no longer paused";
    StopsArePaused "automatic stops are paused";
    PauseIsOver "the time until which automatic stops are to be paused is over";
    PauseIsTooLong "automatic stops are paused for a year at most; switch the idle rules off instead";
    AlwaysOnByYou "you want it always on";
    IsAlwaysOn { name } "{name} is always on";
    StartedAnew "WakeHub was started anew meanwhile";
    UsedAgain { name, why } "{name} is used again: {why}";
    NoRule { name } "{name} has no idle rule any longer";
    StaysOnBecause { name, reason } "{name} {reason}";
    KeptOnFor { name, time } "{name} is kept on for {time}";
    NoLongerKeptOn { name } "{name} is no longer kept on";
    SeenIn { name, state } "{name} is {state}";
    Edited { name, edited } "{name} was {edited}";
    Followed { name } "followed {name}";
    ToBeStarted { name } "{name} is to be started";
    Missed { action, name } "the scheduled {action} of {name} was missed";
    GivenUp { name } "{name} stays on: its scheduled stop is no longer tried";
    HasRoomAgain "the disk had no room for the database; now it has";

    // its reasons
    YouSaidSo "you said so";
    YouKeepItOn "you keep it on";
    YouCancelledIt "you cancelled it";
    YouStopIt "you stop it";
    YouStart { name } "you start {name}";
    ItsTimeIsOver "its time is over";
    BySchedule { rest } "by its schedule: {rest}";
    WasDueMeanwhile { rest } "it was due while WakeHub was off or this computer slept: {rest}";
    FromAFile "from a homelab.toml";
    NotAskedFor "seen, not asked for";
    MadeAnew { id } "it was made anew as {id}";
    Migrated { name } "it migrated to {name}";
    Because { operation, why } "failed to {operation}: {why}";

    // questions, and why one is taken back
    HoldEnded { name } "no longer needed: the hold of {name} ended";
    KeptOnByYou { name } "{name} is kept on by you";
    BeingChanged { name } "{name} is being started or stopped";

    // a step
    NoAnswerWithin { seconds } "no answer within {seconds} s";
    NotDoneWithin { seconds, why } "not done within {seconds} s; last: {why}";
    NoGuestOfThatName { name } "{name} has no guest of that name, and no number is set for it";
    RemovedMeanwhile "it was removed while its cascade ran";
    CascadeEnded "its cascade has ended";
    NotOff { name, names } "{name} hosts {names}, which is not off";
    Ending "WakeHub is ending";
    Interrupted "interrupted";
    NotWritable { why } "{why}; nothing is started or stopped that cannot be written down";
    NobodySeesItWake "it has no address, so nobody could see it wake";
    NobodySeesItGoOff "it has no address, so nobody could see it go off";
    NoPacketSent { why, rest } "no magic packet could be sent: {why}, {rest}";
    OnePacketSent { rest } "1 magic packet sent, {rest}";
    PacketsSent { n, rest } "{n} magic packets sent, {rest}";
    NoAnswerYet "no answer yet";
    PortDoesNotYet { port } "it answers, port {port} does not yet";
    PortRefuses { port } "it answers, port {port} refuses";
    IsThere { port } "port {port} refuses, but it is there";
    StillAnswers "it still answers";
    StillRuns "it still runs";
    SilentOnce "it is silent; looking a second time";
    NotListed "its host does not list it";
    HealthIsStarting "it runs, its health check is starting";
    Unhealthy "it runs and is unhealthy";
    EndedAgain "it started and ended again";
    EndedAgainWith { note } "it started and ended again: {note}";
    IsInState { seen } "it is {seen}";

    // what is believed
    NoLongerKnown "its host does not know it any longer";
    HostIsUnknown { host } "nobody knows whether {host} is on, which hosts it";
    Unconfigured { names } "not configured and running: {names}";
    AtHost { host, platform, why } "{host}’s {platform}: {why}";
    ConnectionOf { name, platform } "{name}: {platform}";

    // to a command that cannot be done
    CascadeOf { action, name } "the {action} of {name}";
    CascadeNumber { n } "cascade {n}";
    NoNode { n } "there is no node {n} any longer";
    NodeWasRemoved { n } "node {n} was removed";
    NodeWasRemovedMeanwhile { n } "node {n} was removed meanwhile";
    HoldIsOver "the time until which it is to be kept on is over";
    HoldIsTooLong "nothing is kept on for longer than a year; set the node to always on instead";
    NotShutDown { name, why } "{name} was not shut down: {why}";
    NothingToResume "there is nothing left to resume; start or stop the node itself";
    NotSaved { name } "{name} could not be saved";
    TooMany { most, n } "at most {most} nodes are added at once; these are {n}";
    SecretNotSaved { name, why } "{name} is saved, but not its secret: {why}";
    NameIsTaken { name } "another node is called {name}";
    NothingToDiscover { name } "{name} has neither a Proxmox nor a Docker API that could be asked";
    EngineEnded "WakeHub's engine has ended; quit WakeHub and start it again";

    // what is the matter: see `notice`
    DatabaseFails { why } "{why}. WakeHub starts and stops nothing that it cannot write down.";
    DiskIsFull { why } "{why}. WakeHub starts and stops nothing until there is room again.";
    DatabaseIsDamaged { why } "The database is damaged: {why}. Export your homelab in the settings, then quit WakeHub and start it again: it keeps the damaged file aside and begins a new one, into which you import what you have exported. Nothing in the homelab itself is lost.";
    DatabaseWasSetAside { why, path } "The database could not be read ({why}). It was moved to {path} and a new one begun; import your homelab again.";
    NoSecretsService { why } "{why}. Passwords and tokens cannot be kept; start a keyring (gnome-keyring, KWallet, KeePassXC) and restart WakeHub. SSH keys without a passphrase and the SSH agent work without one.";
    KeyringFails { why } "{why}. Passwords and tokens cannot be read.";
    KeyringIsLocked "The keyring is locked. Unlock it, then test the connection again.";
    KeyringIsStillLocked "The keyring is locked, so connections that need a password or a token fail. Unlock it; logging in again does that on most desktops.";
    NoKeyring { why } "There is no keyring, so passwords and tokens cannot be kept: {why}. WakeHub keeps secrets nowhere else; install GNOME Keyring, KWallet or KeePassXC.";
    IsDemo "This is the demo homelab: nothing in it is real, and nothing outside it is touched.";
    NoTray "This desktop shows no tray icons, so closing the window only minimises it. On GNOME the extension “AppIndicator and KStatusNotifierItem Support” adds them.";
    NoTrayLibrary "The library libayatana-appindicator3 is not installed, so WakeHub has no tray icon, and closing the window only minimises it.";
    WindowLoadedAgain "The process that draws this window ended, so the page was loaded again. What was typed and not saved is lost.";
    WindowClosed { n } "The process that draws the window ended {n} times within a minute, so the window was closed. What WakeHub does goes on.";

    BrowsersCannotReach { why } "Browsers cannot reach WakeHub: {why}.";

    // one homelab in the place of another
    StillRunning { action, name } "The {action} of {name} still runs; wait for its end, or cancel it.";
    HoldsADemo { path } "{path} holds a demo homelab, whose machines do not exist";

    // what the planner, a connector or a platform says
    Elsewhere { said } "{said}";
}

impl From<Said<'_>> for String {
    fn from(said: Said<'_>) -> String {
        said.to_string()
    }
}
