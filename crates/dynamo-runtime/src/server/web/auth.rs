//! Basic auth: passwords are checked on blocking threads, a few at a time; verified ones are remembered.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use tokio::sync::Semaphore;
use tokio::task;

use crate::sync::lock;

/// The password checks that run at once. A check takes 50 ms and more of a core.
const CHECKS: usize = 1;
/// The password checks that may wait. Further requests with unknown passwords get 503.
const MAX_WAITING: usize = 16;
/// The refused passwords that are remembered, for clients that repeat a wrong one.
const MAX_REFUSED: usize = 256;
/// The longest `Authorization` header that is read.
const MAX_HEADER: usize = 4096;

/// Why a request was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// There is no password, or it is wrong.
    Unauthorized,
    /// Too many password checks wait.
    Busy,
}

/// Checks passwords. It outlives reloads: an entry counts only for the hash that it was checked against.
///
/// The locks are taken by the server's threads only, and never in a forked child.
pub(super) struct Passwords {
    key: hmac::Key,
    /// By user.
    verified: Mutex<HashMap<String, hmac::Tag>>,
    refused: Mutex<HashSet<[u8; 32]>>,
    checks: Semaphore,
    waiting: AtomicUsize,
}

impl Passwords {
    pub(super) fn new() -> Result<Self, ring::error::Unspecified> {
        let random = ring::rand::SystemRandom::new();
        Ok(Passwords {
            key: hmac::Key::generate(hmac::HMAC_SHA256, &random)?,
            verified: Mutex::default(),
            refused: Mutex::default(),
            checks: Semaphore::new(CHECKS),
            waiting: AtomicUsize::new(0),
        })
    }

    /// Lets a request with this `Authorization` header in if it has the password of one of the users, who
    /// are not empty.
    pub(super) async fn check(
        &self,
        users: &BTreeMap<String, String>,
        header: Option<&HeaderValue>,
    ) -> Result<(), Denied> {
        let (user, password) = header.and_then(credentials).ok_or(Denied::Unauthorized)?;
        // An unknown user costs as much as a known one.
        let known = users.get(&user);
        let hash = known.or_else(|| users.values().next());
        let hash = hash.ok_or(Denied::Unauthorized)?;
        let message = message(&user, hash, &password);
        if let Some(outcome) = self.remembered(&user, known.is_some(), &message) {
            return outcome;
        }
        let _turn = self.wait().await?;
        // The same password may have been checked meanwhile.
        if let Some(outcome) = self.remembered(&user, known.is_some(), &message) {
            return outcome;
        }
        let hash = hash.clone();
        let check = task::spawn_blocking(move || bcrypt::verify(password, &hash).unwrap_or(false));
        let is_right = check.await.unwrap_or(false) && known.is_some();
        let tag = hmac::sign(&self.key, &message);
        if is_right {
            lock(&self.verified).insert(user, tag);
            return Ok(());
        }
        let mut refused = lock(&self.refused);
        if refused.len() >= MAX_REFUSED {
            refused.clear();
        }
        refused.insert(digest(&tag));
        Err(Denied::Unauthorized)
    }

    fn remembered(&self, user: &str, is_known: bool, message: &[u8]) -> Option<Result<(), Denied>> {
        let tag = hmac::sign(&self.key, message);
        let is_verified = is_known
            && lock(&self.verified).get(user).is_some_and(|known| {
                // Compares in constant time.
                hmac::verify(&self.key, message, known.as_ref()).is_ok()
            });
        if is_verified {
            return Some(Ok(()));
        }
        let is_refused = lock(&self.refused).contains(&digest(&tag));
        is_refused.then_some(Err(Denied::Unauthorized))
    }

    async fn wait(&self) -> Result<Turn<'_>, Denied> {
        let waiting = Waiting::new(&self.waiting);
        if waiting.number > MAX_WAITING {
            return Err(Denied::Busy);
        }
        let permit = self.checks.acquire().await;
        permit.map_err(|_| Denied::Busy)
    }
}

type Turn<'a> = tokio::sync::SemaphorePermit<'a>;

/// Counts a waiting request until it is dropped.
struct Waiting<'a> {
    count: &'a AtomicUsize,
    number: usize,
}

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        Waiting { count, number }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The user and the password of an `Authorization` header.
fn credentials(header: &HeaderValue) -> Option<(String, Vec<u8>)> {
    if header.len() > MAX_HEADER {
        return None;
    }
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((user, decoded[colon + 1..].to_vec()))
}

/// What a tag is about. A user has no colon, and a hash has no line end.
fn message(user: &str, hash: &str, password: &[u8]) -> Vec<u8> {
    let mut message = format!("{user}:{hash}\n").into_bytes();
    message.extend_from_slice(password);
    message
}

fn digest(tag: &hmac::Tag) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(tag.as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(user: &str, password: &str) -> HeaderValue {
        let encoded = STANDARD.encode(format!("{user}:{password}"));
        HeaderValue::from_str(&format!("Basic {encoded}")).unwrap()
    }

    fn users(names: &[(&str, &str)]) -> BTreeMap<String, String> {
        let hashed = |password: &str| bcrypt::hash(password, 4).unwrap();
        let users = names.iter();
        users
            .map(|(name, password)| ((*name).to_owned(), hashed(password)))
            .collect()
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn only_the_right_password_of_a_known_user_is_let_in() {
        let users = users(&[("prometheus", "right"), ("other", "else")]);
        let passwords = Passwords::new().unwrap();
        let check = |header: HeaderValue| run(passwords.check(&users, Some(&header)));
        for _ in 0..2 {
            assert_eq!(check(header("prometheus", "right")), Ok(()));
            for (user, password) in [
                ("prometheus", "wrong"),
                ("prometheus", "else"),
                ("prometheus", ""),
                ("nobody", "right"),
                ("nobody", "else"),
                ("", ""),
            ] {
                assert_eq!(check(header(user, password)), Err(Denied::Unauthorized));
            }
        }
        assert_eq!(
            check(HeaderValue::from_static("Basic !")),
            Err(Denied::Unauthorized)
        );
        assert_eq!(
            check(HeaderValue::from_static("Bearer x")),
            Err(Denied::Unauthorized)
        );
        assert_eq!(
            run(passwords.check(&users, None)),
            Err(Denied::Unauthorized)
        );
    }

    #[test]
    fn a_verified_password_counts_only_for_its_hash() {
        let passwords = Passwords::new().unwrap();
        let right = header("prometheus", "right");
        let before = users(&[("prometheus", "right")]);
        assert_eq!(run(passwords.check(&before, Some(&right))), Ok(()));
        let after = users(&[("prometheus", "changed")]);
        assert_eq!(
            run(passwords.check(&after, Some(&right))),
            Err(Denied::Unauthorized)
        );
    }

    #[test]
    fn at_the_limit_of_waiting_checks_only_verified_passwords_are_let_in() {
        let passwords = Passwords::new().unwrap();
        let users = users(&[("prometheus", "right")]);
        let right = header("prometheus", "right");
        assert_eq!(run(passwords.check(&users, Some(&right))), Ok(()));
        passwords.waiting.store(MAX_WAITING, Ordering::Relaxed);
        assert_eq!(run(passwords.check(&users, Some(&right))), Ok(()));
        let wrong = header("prometheus", "wrong");
        assert_eq!(
            run(passwords.check(&users, Some(&wrong))),
            Err(Denied::Busy)
        );
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), MAX_WAITING);
    }
}
