//! OTLP: `ExportMetricsServiceRequest` messages, encoded directly from the series.
//!
//! The field numbers are those of `opentelemetry/proto/metrics/v1/metrics.proto`. How metrics map to
//! OpenTelemetry's data model follows its specification of Prometheus compatibility, with one
//! difference: names stay as they are, so that a name is the same wherever it arrives.

mod delta;
mod points;
mod request;

use std::time::Duration;

use self::delta::{Since, Totals};
use self::request::Requests;
use super::encode::{ExposedFamily, visit_all};
use crate::choice::UnknownChoice;

/// Whether counters and histograms are exported as totals or as changes since the last export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Temporality {
    /// Totals since the series was created.
    #[default]
    Cumulative,
    /// Changes since the last export that succeeded.
    Delta,
}

impl std::str::FromStr for Temporality {
    type Err = UnknownChoice;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = [
            ("cumulative", Temporality::Cumulative),
            ("delta", Temporality::Delta),
        ];
        UnknownChoice::parse(word, &known, "cumulative or delta")
    }
}

/// Encodes metrics as OTLP requests, for one receiver.
///
/// With [`Temporality::Delta`] it keeps the totals of the last export that succeeded: call
/// [`commit`](Self::commit) when the receiver has accepted all requests.
#[derive(Debug)]
pub struct OtlpEncoder {
    resource: Vec<(String, String)>,
    temporality: Temporality,
    exported: Totals,
    pending: Totals,
}

impl OtlpEncoder {
    /// An encoder whose requests describe their origin by these attributes, such as `service.name`.
    pub fn new(resource: &[(&str, &str)], temporality: Temporality) -> Self {
        OtlpEncoder {
            resource: resource
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            temporality,
            exported: Totals::default(),
            pending: Totals::default(),
        }
    }

    /// Makes the last encoded totals the start of the next changes.
    pub fn commit(&mut self) {
        self.exported = std::mem::take(&mut self.pending);
    }

    /// The requests with all data points of these families at the time `now`, since 1970. Requests have at
    /// most some 2 MiB, since receivers refuse messages above 4 MiB by default.
    pub(crate) fn encode(&mut self, families: &[ExposedFamily], now: Duration) -> Vec<Vec<u8>> {
        let mut requests = Requests::new(&self.resource);
        let mut pending = Totals::default();
        let is_delta = self.temporality == Temporality::Delta;
        for ExposedFamily { family, collectors } in families {
            let mut since =
                is_delta.then(|| Since::new(&self.exported, &mut pending, &family.name, now));
            requests.begin_family(family, self.temporality);
            for collector in collectors {
                visit_all(&**collector, &mut |point| {
                    requests.point(now, point, since.as_mut());
                });
            }
            requests.end_family();
        }
        self.pending = pending;
        requests.finish()
    }
}
