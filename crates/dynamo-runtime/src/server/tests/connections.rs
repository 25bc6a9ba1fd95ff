//! Clients that are slow, that send nothing, or that are too many.

use std::net::Shutdown;

use super::*;

/// Soon over, yet enough for a request to be written on a busy machine.
const SHORT: Duration = Duration::from_millis(300);

fn provider() -> Arc<FakeProvider> {
    Arc::new(FakeProvider::new("up 1\n"))
}

/// An exposition that no socket buffer holds.
fn huge() -> Vec<u8> {
    b"requests_total 1234567890\n".repeat(1_500_000)
}

#[test]
fn one_connection_serves_request_after_request() {
    let (_server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    for path in ["/metrics", "/live", "/metrics", "/health", "/nowhere", "/"] {
        let answer = client.get(path);
        assert_eq!(answer.status == 404, path == "/nowhere");
    }
}

#[test]
fn requests_sent_ahead_are_answered_in_turn() {
    let (_server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    for path in ["/metrics", "/nowhere", "/live"] {
        client.ask(path);
    }
    let statuses = [(); 3].map(|()| client.answer().status);
    assert_eq!(statuses, [200, 404, 200]);
}

#[test]
fn a_client_of_http_1_0_is_served_and_closed() {
    let (_server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    client.send("GET /metrics HTTP/1.0\r\n\r\n");
    assert_eq!(client.answer().body, b"up 1\n");
    assert_eq!(client.rest(), b"");
}

#[test]
fn head_sends_no_body() {
    let (_server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    client.send("HEAD /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let text = String::from_utf8(client.rest()).unwrap().to_lowercase();
    assert!(text.contains("content-length: 5\r\n"), "{text}");
    assert!(text.ends_with("\r\n\r\n"), "{text}");
}

#[test]
fn a_connection_with_an_incomplete_first_header_is_closed() {
    let limits = Limits {
        first_header: SHORT,
        ..relaxed()
    };
    let (_server, address) = start(provider(), limits);
    let mut silent = Client::connect(address);
    let mut slow = Client::connect(address);
    slow.send("GET /metrics HTTP/1.1\r\nHost: te");
    // One that trickles on: every byte is in time, the header is not.
    let mut trickling = Client::connect(address);
    trickling.send("GET /metrics HTTP/1.1\r\n");
    eventually("the trickling client is closed", || {
        trickling.0.write_all(b"X").is_err()
    });
    assert_eq!(slow.rest(), b"");
    assert_eq!(silent.rest(), b"");
}

#[test]
fn a_later_header_is_timed_from_its_first_byte_only() {
    let limits = Limits {
        header: SHORT,
        ..relaxed()
    };
    let (_server, address) = start(provider(), limits);
    let (mut idle, mut slow) = (Client::connect(address), Client::connect(address));
    assert_eq!(idle.get("/live").status, 200);
    assert_eq!(slow.get("/live").status, 200);
    slow.send("GET /live HT");
    assert_eq!(slow.rest(), b"");
    assert_eq!(idle.get("/live").status, 200);
}

#[test]
fn a_connection_without_requests_is_closed_after_a_while() {
    let limits = Limits {
        idle: SHORT,
        ..relaxed()
    };
    let (_server, address) = start(provider(), limits);
    let mut client = Client::connect(address);
    assert_eq!(client.get("/live").status, 200);
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_gather_may_take_longer_than_any_limit_of_the_client() {
    let limits = Limits {
        first_header: SHORT,
        header: SHORT,
        idle: SHORT,
        stall: SHORT,
        ..relaxed()
    };
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let (_server, address) = start(provider, limits);
    let mut waiting = Client::connect(address);
    waiting.ask("/metrics");
    keeper.wait_for_a_gather();
    // By the time this one is closed, all limits have passed.
    assert_eq!(Client::connect(address).rest(), b"");
    keeper.release_one();
    assert_eq!(waiting.answer().body, b"up 1\n");
}

#[test]
fn a_client_that_does_not_read_is_closed_and_delays_no_other() {
    let limits = Limits {
        stall: Duration::from_secs(1),
        ..relaxed()
    };
    let exposition = huge();
    let (server, address) = start(Arc::new(FakeProvider::new(exposition.clone())), limits);
    let mut deaf = Client::connect(address);
    deaf.ask("/metrics");
    let mut reader = Client::connect(address);
    assert_eq!(reader.get("/metrics").body, exposition);
    eventually("only the reader is left", || {
        server.sockets.open().len() == 2
    });
    assert!(deaf.rest().len() < exposition.len());
    assert_eq!(reader.get("/live").status, 200);
}

#[test]
fn the_server_does_not_wait_for_a_missing_request_body() {
    let (_server, address) = start(provider(), relaxed());
    for (method, path, status) in [
        ("GET", "/live", 200),
        ("GET", "/metrics", 200),
        ("POST", "/metrics", 405),
    ] {
        let mut client = Client::connect(address);
        client.send(&format!(
            "{method} {path} HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\n"
        ));
        assert_eq!(client.answer().status, status);
        assert_eq!(client.rest(), b"", "{method} {path}");
    }
}

#[test]
fn a_request_body_is_ignored() {
    let (_server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    client.send("GET /live HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.get("/live").status, 200);
}

#[test]
fn bytes_that_are_not_http_are_refused() {
    let (_server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    client.send("\u{16}\u{3}\u{1} hello\r\n\r\n");
    assert!(client.rest().starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn a_header_without_end_is_refused() {
    let (_server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    client.send("GET /live HTTP/1.1\r\nX: ");
    let filler = "x".repeat(16 * 1024);
    eventually("the client is refused", || {
        client.0.write_all(filler.as_bytes()).is_err()
    });
}

#[test]
fn the_oldest_idle_connection_makes_room_for_a_new_one() {
    let limits = Limits {
        connections: 3,
        ..relaxed()
    };
    let (_server, address) = start(provider(), limits);
    let mut clients: Vec<_> = (0..3).map(|_| Client::connect(address)).collect();
    for client in &mut clients {
        assert_eq!(client.get("/live").status, 200);
    }
    // The first has been used again since, so the second is the oldest.
    assert_eq!(clients[0].get("/live").status, 200);
    let mut new = Client::connect(address);
    assert_eq!(new.get("/metrics").status, 200);
    assert_eq!(clients[1].rest(), b"");
    assert_eq!(clients[0].get("/live").status, 200);
    assert_eq!(clients[2].get("/live").status, 200);
}

#[test]
fn any_number_of_half_open_clients_leaves_room_for_a_scrape() {
    let limits = Limits {
        connections: 3,
        ..relaxed()
    };
    let (server, address) = start(provider(), limits);
    let mut silent = Vec::new();
    for _ in 0..30 {
        let mut client = Client::connect(address);
        client.send("GET /metr");
        silent.push(client);
    }
    assert_eq!(Client::connect(address).get("/metrics").status, 200);
    eventually("the limit holds", || server.sockets.open().len() <= 4);
}

#[test]
fn stalled_clients_are_closed_for_a_new_one_if_no_connection_is_idle() {
    let limits = Limits {
        connections: 3,
        stall_when_full: SHORT,
        ..relaxed()
    };
    let exposition = huge();
    let (_server, address) = start(Arc::new(FakeProvider::new(exposition.clone())), limits);
    let mut deaf: Vec<_> = (0..3).map(|_| Client::connect(address)).collect();
    for client in &mut deaf {
        client.ask("/metrics");
    }
    assert_eq!(Client::connect(address).get("/metrics").body, exposition);
}

#[test]
fn a_new_client_is_served_while_all_others_are_inside_a_request() {
    let limits = Limits {
        connections: 2,
        ..relaxed()
    };
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let (_server, address) = start(provider, limits);
    let mut busy: Vec<_> = (0..2).map(|_| Client::connect(address)).collect();
    for client in &mut busy {
        client.ask("/metrics");
    }
    keeper.wait_for_a_gather();
    let mut new = Client::connect(address);
    assert_eq!(new.get("/live").status, 200);
    drop(keeper);
    let closed = busy
        .iter_mut()
        .filter_map(|client| client.0.read(&mut [0]).ok().filter(|bytes| *bytes == 0));
    assert_eq!(closed.count(), 1);
}

#[test]
fn clients_that_send_requests_ahead_are_closed_first() {
    let limits = Limits {
        connections: 3,
        ..relaxed()
    };
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let (_server, address) = start(provider, limits);
    let mut ahead = Client::connect(address);
    ahead.send(&"GET /live HTTP/1.1\r\nHost: test\r\n\r\n".repeat(2));
    ahead.ask("/metrics");
    let mut waits = Client::connect(address);
    waits.ask("/metrics");
    keeper.wait_for_a_gather();
    assert_eq!([ahead.answer().status, ahead.answer().status], [200; 2]);
    let mut new: Vec<_> = (0..2).map(|_| Client::connect(address)).collect();
    assert_eq!(ahead.rest(), b"");
    assert_eq!(new[0].get("/live").status, 200);
    drop(keeper);
    assert_eq!(waits.answer().status, 200);
}

#[test]
fn a_response_has_a_time_limit_even_for_a_client_that_reads_slowly() {
    let limits = Limits {
        response: SHORT,
        ..relaxed()
    };
    let exposition = huge();
    let (server, address) = start(Arc::new(FakeProvider::new(exposition.clone())), limits);
    let mut slow = Client::connect(address);
    slow.ask("/metrics");
    let mut read = 0;
    while let Ok(bytes @ 1..) = slow.0.read(&mut [0; 64 * 1024]) {
        read += bytes;
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(read < exposition.len());
    eventually("its socket is closed", || server.sockets.open().len() == 1);
}

#[test]
fn slow_readers_leave_room_for_a_scrape_and_further_scrapes_get_503() {
    let limits = Limits {
        scrapes: 3,
        scrape_wait: SHORT,
        ..relaxed()
    };
    let exposition = huge();
    let provider = Arc::new(FakeProvider::new(exposition.clone()));
    let (server, address) = start(Arc::clone(&provider), limits);
    let mut slow: Vec<_> = (0..3).map(|_| Client::connect(address)).collect();
    for client in &mut slow {
        client.ask("/metrics");
        client.0.read_exact(&mut [0; 100]).unwrap();
    }
    let mut another = Client::connect(address);
    let refused = another.get("/metrics");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.body, b"too many scrapes are running: try again\n");
    assert_eq!(another.get("/live").status, 200);
    drop(slow.pop());
    eventually("the slot is free", || another.get("/metrics").status == 200);
    drop(server);
}

#[test]
fn slow_readers_are_closed_for_a_scrape_that_waits() {
    let limits = Limits {
        scrapes: 2,
        scrape_wait: TIMEOUT,
        stall_when_full: SHORT,
        ..relaxed()
    };
    let exposition = huge();
    let (_server, address) = start(Arc::new(FakeProvider::new(exposition.clone())), limits);
    let mut slow: Vec<_> = (0..2).map(|_| Client::connect(address)).collect();
    for client in &mut slow {
        client.ask("/metrics");
        client.0.read_exact(&mut [0; 100]).unwrap();
    }
    assert_eq!(Client::connect(address).get("/metrics").body, exposition);
}

#[test]
fn the_memory_of_expositions_that_are_being_sent_is_limited() {
    let limits = Limits {
        scrape_bytes: 1,
        scrape_wait: SHORT,
        ..relaxed()
    };
    let provider = Arc::new(FakeProvider::new(huge()));
    let (_server, address) = start(Arc::clone(&provider), limits);
    let slow: Vec<_> = (0..10)
        .map(|_| {
            let mut client = Client::connect(address);
            client.ask("/metrics");
            client.0.read_exact(&mut [0; 100]).unwrap();
            client
        })
        .collect();
    assert_eq!(provider.gathers(), 4);
    drop(slow);
}

#[test]
fn a_connection_that_the_client_half_closes_is_closed() {
    let (server, address) = start(provider(), relaxed());
    let mut client = Client::connect(address);
    assert_eq!(client.get("/live").status, 200);
    client.0.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), b"");
    eventually("its socket is closed", || server.sockets.open().len() == 1);
}
