//! Scrapes that share a gather, and how long callbacks may take in it.

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Waker};

use flate2::read::GzDecoder;

use super::*;
use crate::exposition::{ContentEncoding, ExpositionFormat};
use crate::server::scrape::{EncodedExposition, ScrapeError, Scraper, Variant};
use crate::server::slots::Slots;

type Scrape = Pin<Box<dyn Future<Output = Result<EncodedExposition, ScrapeError>>>>;

/// Scrapes without a server: each is in the queue as soon as `begin` returns.
struct Scrapes {
    scraper: Arc<Scraper>,
    runtime: tokio::runtime::Runtime,
}

impl Scrapes {
    fn of(provider: Arc<FakeProvider>) -> Self {
        Self::with(provider, &Limits::default())
    }

    fn with(provider: Arc<FakeProvider>, limits: &Limits) -> Self {
        Self {
            scraper: Scraper::new(provider, Slots::new(limits)),
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap(),
        }
    }

    fn begin(&self, accept: &'static str, callback_deadline: Option<Instant>) -> Scrape {
        self.begin_as(
            Variant {
                encoding: ContentEncoding::negotiate([accept].into_iter()),
                format: ExpositionFormat::TEXT,
                selection: None,
            },
            callback_deadline,
        )
    }

    fn begin_as(&self, variant: Variant, callback_deadline: Option<Instant>) -> Scrape {
        let scraper = Arc::clone(&self.scraper);
        let mut scrape: Scrape =
            Box::pin(async move { scraper.scrape(variant, callback_deadline).await });
        let _context = self.runtime.enter();
        let polled = scrape
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_pending());
        scrape
    }

    /// A whole scrape of a provider that does not block.
    fn whole(&self, callback_deadline: Option<Instant>) -> Result<EncodedExposition, ScrapeError> {
        let variant = Variant {
            format: ExpositionFormat::TEXT,
            selection: None,
            encoding: ContentEncoding::IDENTITY,
        };
        self.runtime
            .block_on(self.scraper.scrape(variant, callback_deadline))
    }

    fn finish(&self, scrape: Scrape) -> EncodedExposition {
        self.runtime.block_on(scrape).expect("an exposition")
    }
}

#[test]
fn those_that_wait_share_one_gather_that_began_after_they_arrived() {
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let scrapes = Scrapes::of(Arc::clone(&provider));
    let first = scrapes.begin("", None);
    keeper.wait_for_a_gather();
    let later: Vec<_> = (0..5).map(|_| scrapes.begin("", None)).collect();
    keeper.release_one();
    assert_eq!(&scrapes.finish(first).body[..], b"up 1\n");
    keeper.wait_for_a_gather();
    keeper.release_one();
    let expositions: Vec<_> = later
        .into_iter()
        .map(|scrape| scrapes.finish(scrape))
        .collect();
    assert_eq!(provider.gathers(), 2);
    // One exposition, not five that are equal.
    assert!(
        expositions
            .iter()
            .all(|exposition| exposition.body.as_ptr() == expositions[0].body.as_ptr())
    );
}

#[test]
fn each_encoding_is_compressed_once_for_all_that_want_it() {
    let (provider, keeper) = FakeProvider::gated("up 1\n".repeat(1000));
    let scrapes = Scrapes::of(Arc::clone(&provider));
    let first = scrapes.begin("", None);
    keeper.wait_for_a_gather();
    let mixed = ["gzip", "", "gzip", ""].map(|accept| scrapes.begin(accept, None));
    keeper.release_one();
    keeper.release_one();
    scrapes.finish(first);
    let expositions = mixed.map(|scrape| scrapes.finish(scrape));
    assert_eq!(provider.gathers(), 2);
    assert_eq!(
        expositions
            .each_ref()
            .map(|exposition| exposition.variant.encoding.name()),
        [Some("gzip"), None, Some("gzip"), None]
    );
    assert_eq!(expositions[0].body.as_ptr(), expositions[2].body.as_ptr());
    assert_eq!(expositions[1].body.as_ptr(), expositions[3].body.as_ptr());
    let mut text = Vec::new();
    GzDecoder::new(&expositions[0].body[..])
        .read_to_end(&mut text)
        .unwrap();
    assert_eq!(text, expositions[1].body);
}

#[test]
fn scrapes_of_different_families_that_wait_together_keep_to_the_limit_of_memory() {
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let limits = Limits {
        scrape_bytes: 1,
        ..Limits::default()
    };
    let scrapes = Scrapes::with(provider, &limits);
    let first = scrapes.begin("", None);
    keeper.wait_for_a_gather();
    let later: Vec<_> = (0..10)
        .map(|number| {
            let variant = Variant {
                encoding: ContentEncoding::IDENTITY,
                format: ExpositionFormat::TEXT,
                selection: Selection::new([format!("m{number}")].into_iter()),
            };
            scrapes.begin_as(variant, None)
        })
        .collect();
    keeper.release_one();
    drop(scrapes.finish(first));
    keeper.release_one();
    let results = later.into_iter().map(|one| scrapes.runtime.block_on(one));
    // Some are within every limit.
    let (sent, refused): (Vec<_>, Vec<_>) = results.partition(Result::is_ok);
    assert_eq!((sent.len(), refused.len()), (4, 6));
    assert!(matches!(refused[0], Err(ScrapeError::TooManyBytes)));
}

#[test]
fn no_gather_runs_for_a_disconnected_scrape() {
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let scrapes = Scrapes::of(Arc::clone(&provider));
    let first = scrapes.begin("", None);
    keeper.wait_for_a_gather();
    drop(scrapes.begin("", None));
    keeper.release_one();
    scrapes.finish(first);
    let last = scrapes.begin("", None);
    keeper.release_one();
    scrapes.finish(last);
    assert_eq!(provider.gathers(), 2);
}

#[test]
fn a_short_timeout_of_one_scraper_does_not_shorten_the_time_of_another() {
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let scrapes = Scrapes::of(Arc::clone(&provider));
    let soon = Instant::now() + Duration::from_millis(400);
    let first = scrapes.begin("", Some(soon));
    keeper.wait_for_a_gather();
    let sooner = Instant::now() + Duration::from_millis(1);
    let second = scrapes.begin("", Some(soon));
    let third = scrapes.begin("", Some(sooner));
    let fourth = scrapes.begin("", None);
    keeper.release_one();
    keeper.release_one();
    for scrape in [first, second, third, fourth] {
        scrapes.finish(scrape);
    }
    let deadlines = provider.deadlines.lock().unwrap();
    assert_eq!(deadlines[0], soon);
    assert!(deadlines[1] > soon, "the time of the fourth is a second");
    assert_eq!(deadlines.len(), 2);
}

#[test]
fn callbacks_never_have_more_than_their_own_timeout() {
    let provider = Arc::new(FakeProvider::new("up 1\n"));
    let scrapes = Scrapes::of(Arc::clone(&provider));
    let before = Instant::now();
    let far = before + LONG;
    assert!(scrapes.whole(Some(far)).is_ok());
    let deadline = provider.deadlines.lock().unwrap()[0];
    let timeout = provider.callback_timeout();
    assert!(deadline >= before + timeout);
    assert!(deadline <= Instant::now() + timeout);
}

#[test]
fn the_scrape_timeout_of_prometheus_reaches_the_callbacks() {
    let provider = Arc::new(FakeProvider::new("up 1\n"));
    let (_server, address) = start(Arc::clone(&provider), relaxed());
    let before = Instant::now();
    for timeout in ["0.5", "0.5s"] {
        let mut client = Client::connect(address);
        client.send(&format!(
            "GET /metrics HTTP/1.1\r\nHost: test\r\nX-Prometheus-Scrape-Timeout-Seconds: {timeout}\r\n\r\n"
        ));
        assert_eq!(client.answer().status, 200);
    }
    let after = Instant::now();
    let deadlines = provider.deadlines.lock().unwrap().clone();
    let half = Duration::from_millis(400);
    assert!((before + half..=after + half).contains(&deadlines[0]));
    let own = provider.callback_timeout();
    assert!((before + own..=after + own).contains(&deadlines[1]));
}

#[test]
fn a_panic_while_gathering_fails_its_scrapes_and_no_others() {
    let provider = Arc::new(FakeProvider::new("up 1\n"));
    let scrapes = Scrapes::of(Arc::clone(&provider));
    provider.panic_once();
    assert!(scrapes.whole(None).is_err());
    assert_eq!(&scrapes.whole(None).unwrap().body[..], b"up 1\n");
}

#[test]
fn live_and_health_answer_while_a_gather_hangs() {
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let (_server, address) = start(provider, relaxed());
    let mut scraper = Client::connect(address);
    scraper.ask("/metrics");
    keeper.wait_for_a_gather();
    let mut prober = Client::connect(address);
    assert_eq!(prober.get("/live").status, 200);
    assert_eq!(prober.get("/health").status, 200);
    keeper.release_one();
    assert_eq!(scraper.answer().body, b"up 1\n");
}

#[test]
fn no_gather_runs_for_a_client_that_disconnects_while_it_waits() {
    let (provider, keeper) = FakeProvider::gated("up 1\n");
    let (server, address) = start(Arc::clone(&provider), relaxed());
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
    eventually("the second client is closed", || {
        server.sockets.open().len() == open
    });
    keeper.release_one();
    assert_eq!(first.answer().status, 200);
    drop(keeper);
    assert_eq!(first.get("/metrics").status, 200);
    assert_eq!(provider.gathers(), 2);
}
