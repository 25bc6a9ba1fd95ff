//! Scrapes that share a gather, and how long callbacks may take in it.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Waker};

use flate2::read::GzDecoder;

use super::*;
use crate::exposition::Exposition;
use crate::exposition::encoding::Encoding;
use crate::server::scrape::{GatherFailed, Page, Scraper, Variant};

type Scrape = Pin<Box<dyn Future<Output = Result<Page, GatherFailed>>>>;

/// Scrapes without a server: each is in the queue as soon as `begin` returns.
struct Scrapes {
    scraper: Arc<Scraper>,
    runtime: tokio::runtime::Runtime,
}

impl Scrapes {
    fn of(source: Arc<FakeSource>) -> Self {
        Self {
            scraper: Scraper::new(source),
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        }
    }

    fn begin(&self, accept: &'static str, callbacks_until: Option<Instant>) -> Scrape {
        let scraper = Arc::clone(&self.scraper);
        let encoding = Encoding::negotiate([accept].into_iter());
        let variant = Variant {
            encoding,
            exposition: Exposition::TEXT,
        };
        let mut scrape: Scrape =
            Box::pin(async move { scraper.scrape(variant, callbacks_until).await });
        let _context = self.runtime.enter();
        let polled = scrape
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        scrape
    }

    /// A scrape from begin to end, of a source that nothing holds up.
    fn whole(&self, callbacks_until: Option<Instant>) -> Result<Page, GatherFailed> {
        let variant = Variant {
            exposition: Exposition::TEXT,
            encoding: Encoding::IDENTITY,
        };
        self.runtime
            .block_on(self.scraper.scrape(variant, callbacks_until))
    }

    fn finish(&self, scrape: Scrape) -> Page {
        self.runtime.block_on(scrape).expect("a page")
    }
}

#[test]
fn those_that_wait_share_one_gather_that_began_after_they_arrived() {
    let (source, keeper) = FakeSource::gated("up 1\n");
    let scrapes = Scrapes::of(Arc::clone(&source));
    let first = scrapes.begin("", None);
    keeper.wait_for_a_gather();
    let later: Vec<_> = (0..5).map(|_| scrapes.begin("", None)).collect();
    keeper.let_through();
    assert_eq!(&scrapes.finish(first).body[..], b"up 1\n");
    keeper.wait_for_a_gather();
    keeper.let_through();
    let pages: Vec<_> = later
        .into_iter()
        .map(|scrape| scrapes.finish(scrape))
        .collect();
    assert_eq!(source.gathers(), 2);
    // One page, not five that are equal.
    assert!(
        pages
            .iter()
            .all(|page| page.body.as_ptr() == pages[0].body.as_ptr())
    );
}

#[test]
fn each_encoding_is_compressed_once_for_all_that_want_it() {
    let (source, keeper) = FakeSource::gated("up 1\n".repeat(1000));
    let scrapes = Scrapes::of(Arc::clone(&source));
    let first = scrapes.begin("", None);
    keeper.wait_for_a_gather();
    let mixed = ["gzip", "", "gzip", ""].map(|accept| scrapes.begin(accept, None));
    keeper.let_through();
    keeper.let_through();
    scrapes.finish(first);
    let pages = mixed.map(|scrape| scrapes.finish(scrape));
    assert_eq!(source.gathers(), 2);
    assert_eq!(
        pages.each_ref().map(|page| page.variant.encoding.name()),
        [Some("gzip"), None, Some("gzip"), None]
    );
    assert_eq!(pages[0].body.as_ptr(), pages[2].body.as_ptr());
    assert_eq!(pages[1].body.as_ptr(), pages[3].body.as_ptr());
    let mut text = Vec::new();
    GzDecoder::new(&pages[0].body[..])
        .read_to_end(&mut text)
        .unwrap();
    assert_eq!(text, pages[1].body);
}

#[test]
fn nobody_gathers_for_a_scrape_that_went_away() {
    let (source, keeper) = FakeSource::gated("up 1\n");
    let scrapes = Scrapes::of(Arc::clone(&source));
    let first = scrapes.begin("", None);
    keeper.wait_for_a_gather();
    drop(scrapes.begin("", None));
    keeper.let_through();
    scrapes.finish(first);
    let last = scrapes.begin("", None);
    keeper.let_through();
    scrapes.finish(last);
    assert_eq!(source.gathers(), 2);
}

#[test]
fn callbacks_have_the_shortest_time_of_those_that_wait() {
    let (source, keeper) = FakeSource::gated("up 1\n");
    let scrapes = Scrapes::of(Arc::clone(&source));
    let soon = Instant::now() + Duration::from_millis(400);
    let first = scrapes.begin("", Some(soon));
    keeper.wait_for_a_gather();
    let sooner = Instant::now() + Duration::from_millis(1);
    let second = scrapes.begin("", Some(soon));
    let third = scrapes.begin("", Some(sooner));
    let fourth = scrapes.begin("", None);
    keeper.let_through();
    keeper.let_through();
    for scrape in [first, second, third, fourth] {
        scrapes.finish(scrape);
    }
    assert_eq!(*source.deadlines.lock().unwrap(), [soon, sooner]);
}

#[test]
fn callbacks_never_have_more_than_their_own_timeout() {
    let source = Arc::new(FakeSource::new("up 1\n"));
    let scrapes = Scrapes::of(Arc::clone(&source));
    let before = Instant::now();
    let far = before + LONG;
    assert!(scrapes.whole(Some(far)).is_ok());
    let deadline = source.deadlines.lock().unwrap()[0];
    let timeout = source.callback_timeout();
    assert!(deadline >= before + timeout);
    assert!(deadline <= Instant::now() + timeout);
}

#[test]
fn the_scrape_timeout_of_prometheus_reaches_the_callbacks() {
    let source = Arc::new(FakeSource::new("up 1\n"));
    let (_server, address) = start(Arc::clone(&source), relaxed());
    let before = Instant::now();
    for timeout in ["0.5", "0.5s"] {
        let mut client = Client::connect(address);
        client.send(&format!(
            "GET /metrics HTTP/1.1\r\nHost: test\r\nX-Prometheus-Scrape-Timeout-Seconds: {timeout}\r\n\r\n"
        ));
        assert_eq!(client.answer().status, 200);
    }
    let after = Instant::now();
    let deadlines = source.deadlines.lock().unwrap().clone();
    let half = Duration::from_millis(400);
    assert!((before + half..=after + half).contains(&deadlines[0]));
    let own = source.callback_timeout();
    assert!((before + own..=after + own).contains(&deadlines[1]));
}

#[test]
fn a_panic_while_gathering_fails_its_scrapes_and_no_others() {
    let source = Arc::new(FakeSource::new("up 1\n"));
    let scrapes = Scrapes::of(Arc::clone(&source));
    source.panic_once();
    assert!(scrapes.whole(None).is_err());
    assert_eq!(&scrapes.whole(None).unwrap().body[..], b"up 1\n");
}

#[test]
fn live_and_health_answer_while_a_gather_hangs() {
    let (source, keeper) = FakeSource::gated("up 1\n");
    let (_server, address) = start(source, relaxed());
    let mut scraper = Client::connect(address);
    scraper.ask("/metrics");
    keeper.wait_for_a_gather();
    let mut prober = Client::connect(address);
    assert_eq!(prober.get("/live").status, 200);
    assert_eq!(prober.get("/health").status, 200);
    keeper.let_through();
    assert_eq!(scraper.answer().body, b"up 1\n");
}

#[test]
fn a_client_that_leaves_while_it_waits_is_not_gathered_for() {
    let (source, keeper) = FakeSource::gated("up 1\n");
    let (server, address) = start(Arc::clone(&source), relaxed());
    let mut first = Client::connect(address);
    first.ask("/metrics");
    keeper.wait_for_a_gather();
    let open = server.sockets.open().len();
    let mut second = Client::connect(address);
    second.ask("/metrics");
    eventually("the second client is accepted", || {
        server.sockets.open().len() > open
    });
    drop(second);
    eventually("the second client is gone", || {
        server.sockets.open().len() == open
    });
    keeper.let_through();
    assert_eq!(first.answer().status, 200);
    drop(keeper);
    assert_eq!(first.get("/metrics").status, 200);
    assert_eq!(source.gathers(), 2);
}
