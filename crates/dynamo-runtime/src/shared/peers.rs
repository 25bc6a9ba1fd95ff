//! Members ask each other to run their callbacks, over sockets in the abstract namespace, which need no files
//! and end with their process. Only processes of the same user are answered.
//!
//! A request is the time that callbacks have, in milliseconds. The response is its length, and text.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::socket_peercred;

use super::group::MemberInfo;

/// A response is not longer.
const MAX_RESPONSE: usize = 1 << 28;
/// A client sends its request at once.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

fn address(id: &str) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("dynamo-metrics-{id}"))
}

/// Listens for requests to the member with this id.
pub(crate) fn listen(id: &str) -> io::Result<UnixListener> {
    let listener = UnixListener::bind_addr(&address(id)?)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Waits until a client has connected, or for `timeout`.
pub(crate) fn accept(listener: &UnixListener, timeout: Duration) -> Option<UnixStream> {
    wait(&[listener], timeout);
    let (stream, _) = listener.accept().ok()?;
    is_own_user(&stream).then_some(stream)
}

/// Reads a request, and writes what `respond` returns for its deadline.
pub(crate) fn respond(
    mut stream: UnixStream,
    respond: impl FnOnce(Instant) -> Vec<u8>,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    stream.set_write_timeout(Some(REQUEST_TIMEOUT))?;
    let mut request = [0; 8];
    stream.read_exact(&mut request)?;
    let millis = u64::from_ne_bytes(request).min(86_400_000);
    let response = respond(Instant::now() + Duration::from_millis(millis));
    stream.write_all(&(response.len() as u64).to_ne_bytes())?;
    stream.write_all(&response)
}

/// The requests to other members that have no response yet.
#[derive(Default)]
pub(crate) struct Requests {
    pending: HashMap<String, Request>,
}

struct Request {
    stream: UnixStream,
    number: u64,
    received: Vec<u8>,
    /// Whether an earlier scrape has waited for it in vain.
    is_late: bool,
}

/// The response of a member.
pub(crate) struct Response {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) text: Vec<u8>,
}

impl Requests {
    /// Asks all members that have callbacks. A member that has not answered yet is not asked again.
    pub(crate) fn send(&mut self, members: &[MemberInfo], deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        let millis = (left.as_millis() as u64).to_ne_bytes();
        self.pending.retain(|id, _| {
            members
                .iter()
                .any(|member| member.is_alive && member.id() == *id)
        });
        for member in members {
            let is_asked = member.is_alive && member.has_callbacks && !member.is_own;
            let id = member.id();
            if !is_asked || self.pending.contains_key(&id) {
                continue;
            }
            if let Ok(stream) = connect(&id, &millis) {
                let request = Request {
                    stream,
                    number: member.number,
                    received: Vec::new(),
                    is_late: false,
                };
                self.pending.insert(id, request);
            }
        }
    }

    /// Waits until the members that were asked have answered, or until the deadline. Also returns late
    /// responses.
    pub(crate) fn receive(&mut self, deadline: Instant) -> Vec<Response> {
        let mut responses = Vec::new();
        loop {
            self.pending.retain(|id, request| match request.receive() {
                Ok(Some(text)) => {
                    responses.push(Response {
                        id: id.clone(),
                        number: request.number,
                        text,
                    });
                    false
                }
                Ok(None) => true,
                // The member has ended.
                Err(_) => false,
            });
            let waiting = self.pending.values().filter(|request| !request.is_late);
            let streams: Vec<_> = waiting.map(|request| &request.stream).collect();
            let left = deadline.saturating_duration_since(Instant::now());
            if streams.is_empty() || left.is_zero() {
                return responses;
            }
            wait(&streams, left);
        }
    }

    /// Whether a member that was asked has not answered yet.
    pub(crate) fn is_waiting(&self) -> bool {
        self.pending.values().any(|request| !request.is_late)
    }

    /// Waits no longer for the members that were asked. Returns how many have not answered.
    pub(crate) fn give_up(&mut self) -> u64 {
        let mut missed = 0;
        for request in self.pending.values_mut() {
            missed += u64::from(!request.is_late);
            request.is_late = true;
        }
        missed
    }
}

impl Request {
    /// Reads what has come. Returns the response when it is complete.
    fn receive(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = [0; 1 << 14];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            let Some((length, text)) = self.received.split_first_chunk() else {
                continue;
            };
            let length = u64::from_ne_bytes(*length);
            if length > MAX_RESPONSE as u64 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if text.len() as u64 >= length {
                return Ok(Some(text.to_vec()));
            }
        }
    }
}

fn connect(id: &str, request: &[u8]) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect_addr(&address(id)?)?;
    if !is_own_user(&stream) {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    stream.set_nonblocking(true)?;
    stream.write_all(request)?;
    Ok(stream)
}

fn is_own_user(stream: &UnixStream) -> bool {
    socket_peercred(stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

/// Waits until one of the sockets is readable.
fn wait(sockets: &[impl AsFd], timeout: Duration) {
    let mut asked: Vec<_> = sockets
        .iter()
        .map(|socket| PollFd::new(socket, PollFlags::IN))
        .collect();
    let timeout = Timespec {
        tv_sec: timeout.as_secs() as i64,
        tv_nsec: timeout.subsec_nanos().into(),
    };
    // An interrupted wait is repeated by the caller.
    let _ = poll(&mut asked, Some(&timeout));
}
