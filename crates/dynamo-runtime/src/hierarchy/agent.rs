//! The thread of a process in a group: answers other members, folds those that have ended, and takes over the
//! port when its server ends.

use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::tree::Inner;
use crate::shared::{Group, Removals, accept, listen, respond};
use crate::sync::{self, lock};

/// How often the thread looks for a port without a server.
const INTERVAL: Duration = Duration::from_millis(100);
/// Every so many intervals, the thread looks for members that have ended.
const FOLD_EVERY: u32 = 8;

/// The agents of this process, one for each group.
static AGENTS: Mutex<Vec<Agent>> = Mutex::new(Vec::new());

struct Agent {
    group: &'static Group,
    trees: Vec<Weak<Inner>>,
    /// The socket of the thread, to close it in a forked child; `None` without a thread.
    socket: Option<RawFd>,
}

/// Has a thread work for a tree.
pub(super) fn start(group: &'static Group, tree: &Arc<Inner>) {
    let _section = sync::enter();
    let mut agents = lock(&AGENTS);
    let position = agents
        .iter()
        .position(|agent| std::ptr::eq(agent.group, group));
    let position = position.unwrap_or_else(|| {
        agents.push(Agent {
            group,
            trees: Vec::new(),
            socket: None,
        });
        agents.len() - 1
    });
    let agent = &mut agents[position];
    agent.trees.retain(|tree| tree.strong_count() > 0);
    agent.trees.push(Arc::downgrade(tree));
    agent.start_thread();
}

/// In a forked child, from Python's hook: starts the threads that stayed in the parent.
pub fn resume_agents() {
    let _section = sync::enter();
    lock(&AGENTS).iter_mut().for_each(Agent::start_thread);
}

/// In a forked child, inside `fork`: closes the sockets of the threads that stayed in the parent. Returns the
/// numbers of the sockets.
pub(super) fn close_in_child() -> Vec<RawFd> {
    let mut agents = lock(&AGENTS);
    agents
        .iter_mut()
        .filter_map(|agent| agent.socket.take())
        .collect()
}

impl Agent {
    fn start_thread(&mut self) {
        if self.socket.is_some() {
            return;
        }
        let listener = match listen(&self.group.id()) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(
                    "other processes cannot ask this one to run its callbacks: {error}"
                );
                return;
            }
        };
        let socket = listener.as_raw_fd();
        let group = self.group;
        let thread = thread::Builder::new().name("dynamo-group".to_owned());
        match thread.spawn(move || run(group, &listener)) {
            Ok(_) => self.socket = Some(socket),
            Err(error) => tracing::error!("cannot start the thread of shared metrics: {error}"),
        }
    }
}

fn trees(group: &'static Group) -> Vec<Arc<Inner>> {
    let _section = sync::enter();
    let agents = lock(&AGENTS);
    let agent = agents.iter().find(|agent| std::ptr::eq(agent.group, group));
    agent.map_or_else(Vec::new, |agent| {
        agent.trees.iter().filter_map(Weak::upgrade).collect()
    })
}

/// The thread. It ends with the process.
fn run(group: &'static Group, listener: &UnixListener) {
    let mut next = Instant::now();
    let mut round = 0_u32;
    let mut removals = Removals::default();
    loop {
        let left = next.saturating_duration_since(Instant::now());
        if let Some(stream) = accept(listener, left) {
            let answer = thread::Builder::new().name("dynamo-answer".to_owned());
            // A member that is not answered shows its last values.
            let _ =
                answer.spawn(move || respond(stream, |deadline| run_callbacks(group, deadline)));
        }
        if Instant::now() < next {
            continue;
        }
        next = Instant::now() + INTERVAL;
        let trees = trees(group);
        let removed = group.new_removals(&mut removals);
        for tree in &trees {
            tree.apply(&removed);
            tree.tick();
        }
        // A process that has shut its runtimes down leaves this to the others, or to the next start.
        if round.is_multiple_of(FOLD_EVERY) && trees.iter().any(|tree| tree.is_open()) {
            group.fold();
        }
        drop(trees);
        round = round.wrapping_add(1);
    }
}

/// Runs the callbacks of this process for another one. Returns its external expositions.
fn run_callbacks(group: &'static Group, deadline: Instant) -> Vec<u8> {
    let mut texts = Vec::new();
    for tree in trees(group) {
        texts.extend(tree.run_callbacks_for_another(deadline));
    }
    serde_json::to_vec(&texts).unwrap_or_default()
}
