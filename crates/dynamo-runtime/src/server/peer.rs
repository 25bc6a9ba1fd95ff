//! The other end of a connection, for limits by client.

use std::net::{IpAddr, Ipv6Addr};

/// The address of a client, without its port; `None` for a Unix socket. Clients of one IPv6 network count
/// as one: each of them may have as many addresses as it likes.
pub(super) type Peer = Option<IpAddr>;

/// The peer at an address.
pub(super) fn peer(address: IpAddr) -> Peer {
    Some(match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address => address,
    })
}

/// The peer of more than half of the connections, if there is one.
pub(super) fn majority(peers: impl Iterator<Item = Peer> + Clone) -> Option<Peer> {
    // Pairs of different peers cancel each other out. Only a majority has some left.
    let mut candidate = None;
    let mut lead = 0_usize;
    for peer in peers.clone() {
        if lead == 0 {
            candidate = Some(peer);
        }
        if candidate == Some(peer) {
            lead += 1;
        } else {
            lead -= 1;
        }
    }
    let count = peers.clone().count();
    let held = peers.filter(|peer| Some(*peer) == candidate).count();
    candidate.filter(|_| held > count / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Peer {
        peer(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_one_client_are_one_peer() {
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_eq!(at("2001:db8::1"), at("2001:db8::2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }

    #[test]
    fn a_majority_is_more_than_half() {
        let [a, b, c] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"].map(at);
        for (peers, expected) in [
            (vec![], None),
            (vec![None], Some(None)),
            (vec![a, b], None),
            (vec![a, b, a], Some(a)),
            (vec![b, c, a, a, a], Some(a)),
            (vec![a, a, b, c], None),
        ] {
            assert_eq!(majority(peers.iter().copied()), expected, "{peers:?}");
        }
    }
}
