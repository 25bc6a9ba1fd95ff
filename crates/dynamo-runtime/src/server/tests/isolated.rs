//! Forked children and processes without descriptors. Each of these tests runs in its own process: a child
//! would keep the sockets of other tests open, and a low limit would starve them.

#![allow(unsafe_code)]

use std::fs::File;
use std::mem::ManuallyDrop;
use std::os::fd::{FromRawFd, RawFd};
use std::process::Command;
use std::sync::RwLockWriteGuard;
use std::sync::atomic::AtomicBool;
use std::thread;

use super::*;
use crate::sync;

fn provider() -> Arc<FakeProvider> {
    Arc::new(FakeProvider::new("up 1\n"))
}

/// Runs one ignored test of this module in its own process.
fn run_unsync(test: &str, limit: &str) {
    let script = format!("{limit} exec \"$0\" --exact --ignored --nocapture \"$1\"");
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .arg(format!("server::tests::isolated::{test}"))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let passed = output.status.success() && text.contains("1 passed");
    assert!(passed, "{text}{errors}");
}

#[test]
fn without_a_free_descriptor_the_oldest_idle_connection_makes_room() {
    run_unsync("with_64_descriptors", "ulimit -n 64 &&");
}

#[test]
fn a_forked_child_has_no_server_and_the_parent_keeps_its_own() {
    run_unsync("fork_once", "");
}

#[test]
fn a_forked_child_has_no_socket_while_clients_connect_and_disconnect() {
    run_unsync("fork_under_load", "");
}

/// How many sockets of this process have the server's port as their own.
fn sockets_on(port: u16) -> usize {
    let is_ours = |fd: &RawFd| {
        // SAFETY: the stream only reads its address, which fails for other descriptors, and is never closed.
        let socket = ManuallyDrop::new(unsafe { TcpStream::from_raw_fd(*fd) });
        socket
            .local_addr()
            .is_ok_and(|address| address.port() == port)
    };
    (0..1024).filter(is_ours).count()
}

/// Forks with the gate closed, and returns the exit code of a child that does `work`.
fn exit_code_of_child(work: impl FnOnce(RwLockWriteGuard<'static, ()>) -> i32) -> i32 {
    let gate = sync::close();
    // SAFETY: the child only closes and looks at descriptors, locks what the closed gate keeps
    // free, and leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let code = work(gate);
        // SAFETY: ends the child without running anything of the parent's.
        unsafe { libc::_exit(code) };
    }
    drop(gate);
    assert!(child > 0);
    let mut status = 0;
    // SAFETY: `status` is valid for the one `int` that `waitpid` writes.
    let waited = unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!(waited, child);
    assert!(libc::WIFEXITED(status), "{status}");
    libc::WEXITSTATUS(status)
}

#[test]
#[ignore = "runs in a process of its own"]
fn fork_once() {
    let (server, address) = start(provider(), relaxed());
    let mut used = Client::connect(address);
    assert_eq!(used.get("/live").status, 200);
    assert_eq!(sockets_on(address.port()), 2);
    let code = exit_code_of_child(|gate| {
        server.close_in_child();
        drop(gate);
        // A no-op, which must not wait for the thread either.
        server.shutdown();
        if server.address().is_some() {
            return 100;
        }
        sockets_on(address.port()) as i32
    });
    assert_eq!(code, 0);
    assert_eq!(tcp(&server), Some(address));
    assert_eq!(used.get("/live").status, 200);
    assert_eq!(Client::connect(address).get("/metrics").status, 200);
}

#[test]
#[ignore = "runs in a process of its own"]
fn fork_under_load() {
    let (server, address) = start(provider(), relaxed());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert_eq!(Client::connect(address).get("/live").status, 200);
                }
            });
        }
        let codes: Vec<_> = (0..20)
            .map(|_| {
                exit_code_of_child(|_gate| {
                    server.close_in_child();
                    sockets_on(address.port()) as i32
                })
            })
            .collect();
        done.store(true, Ordering::Relaxed);
        assert_eq!(codes, [0; 20]);
    });
}

#[test]
#[ignore = "runs in a process of its own"]
fn with_64_descriptors() {
    let mut hog = Vec::new();
    let mut fill = |spare: usize| {
        while let Ok(file) = File::open("/dev/null") {
            hog.push(file);
        }
        hog.truncate(hog.len() - spare);
    };
    let (_server, address) = start(provider(), Limits::default());
    let mut old = Client::connect(address);
    assert_eq!(old.get("/live").status, 200);
    // One descriptor for the new client, none for the server's end of it.
    fill(1);
    let mut new = Client::connect(address);
    assert_eq!(new.get("/live").status, 200);
    assert_eq!(old.rest(), b"");
}
