//! Hosts of a test: network namespaces of this machine, each with an address of its own, behind one
//! switch.
//!
//! ```text
//!  plane 10.77.0.1   left 10.77.0.2   middle 10.77.0.3   right 10.77.0.4
//!         └────────────────┴─── switch ───┴──────────────────┘
//! ```
//!
//! Nothing of the machine's own network is touched, and nothing is left when the test's process ends,
//! however it does: a namespace lasts as long as a process is in it, and the one that holds it reads
//! from us.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsFd as _;
use std::process::{Child, Command, Stdio};
use std::{io, panic, thread};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Hosts that reach each other.
pub(super) struct Network {
    switch: Space,
    hosts: Vec<(String, Space)>,
}

/// A network namespace.
struct Space {
    holder: Child,
    file: File,
}

impl Network {
    /// A network of hosts with these names, or why there is none on this machine.
    pub(super) fn of(names: &[&str]) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("network namespaces are made by root alone".to_owned());
        }
        let switch = Space::new()?;
        switch.run(|| ip("link add name switch type bridge"))?;
        switch.run(|| ip("link set switch up"))?;
        let mut hosts = Vec::new();
        for (place, name) in names.iter().enumerate() {
            let (host, port) = (Space::new()?, port(place));
            let id = host.holder.id();
            switch.run(|| ip(&format!("link add {port} type veth peer name eth0 netns {id}")))?;
            switch.run(|| ip(&format!("link set {port} master switch up")))?;
            host.run(|| ip(&format!("addr add {}/24 dev eth0", address(place))))?;
            host.run(|| ip("link set eth0 up"))?;
            host.run(|| ip("link set lo up"))?;
            hosts.push(((*name).to_owned(), host));
        }
        Ok(Self { switch, hosts })
    }

    /// Does something on a host, on a thread of its own; what that starts is on that host as well.
    pub(super) fn on<T: Send>(&self, name: &str, what: impl FnOnce() -> T + Send) -> T {
        self.hosts[self.place(name)].1.run(what)
    }

    /// The address of a host.
    pub(super) fn address(&self, name: &str) -> String {
        address(self.place(name))
    }

    /// Nothing comes from a host any more, and nothing gets there.
    pub(super) fn cut_off(&self, name: &str) {
        self.set(name, "down");
    }

    /// It can be reached again.
    pub(super) fn mend(&self, name: &str) {
        self.set(name, "up");
    }

    fn set(&self, name: &str, state: &str) {
        let port = port(self.place(name));
        self.switch.run(|| ip(&format!("link set {port} {state}"))).expect("the switch is ours");
    }

    fn place(&self, name: &str) -> usize {
        self.hosts.iter().position(|(host, _)| host == name).expect("there must be such a host")
    }
}

/// The switch's end of the line to a host.
fn port(place: usize) -> String {
    format!("port{place}")
}

fn address(place: usize) -> String {
    format!("10.77.0.{}", place + 1)
}

impl Space {
    fn new() -> Result<Self, String> {
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "echo ready; exec cat"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut holder = command.spawn().map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        let said = holder.stdout.as_mut().expect("it is piped");
        let is_ready = BufReader::new(said).read_line(&mut line).is_ok() && line == "ready\n";
        let file = File::open(format!("/proc/{}/ns/net", holder.id()));
        match file {
            Ok(file) if is_ready => Ok(Self { holder, file }),
            _ => {
                end(&mut holder);
                Err("unshare makes no network namespace".to_owned())
            }
        }
    }

    fn run<T: Send>(&self, what: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(self.file.as_fd(), kind).expect("it must be ours");
                what()
            });
            inside.join().unwrap_or_else(|panicked| panic::resume_unwind(panicked))
        })
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        end(&mut self.holder);
    }
}

fn end(holder: &mut Child) {
    let _ = holder.kill();
    let _ = holder.wait();
}

/// Runs `ip` with these arguments.
fn ip(arguments: &str) -> Result<(), String> {
    let done = Command::new("ip").args(arguments.split(' ')).output();
    let why = match done {
        Ok(done) if done.status.success() => return Ok(()),
        Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => "there is no such program".into(),
        Err(error) => error.to_string(),
    };
    Err(format!("ip {arguments}: {why}"))
}
