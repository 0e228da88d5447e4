//! Who sends a command, and how it is known again when it is sent twice.

use super::{Problem, TraceContext};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use es_runtime::Position;
use es_runtime::prelude::*;
use serde::Serialize;

/// Where the metadata of a commit says which request it was.
const FINGERPRINT: &str = "request";

/// What a request that changes something says beside its body.
///
/// Its key, in the header `Idempotency-Key`, becomes the id of the commit. So the store itself sees to it that what
/// is sent twice is done once, for ever, whichever process is asked, and whatever crashes in between.
#[derive(Debug)]
pub struct Caller {
    key: String,
    /// The keys of the two services are no business of each other: they begin with different paths.
    service: String,
    request: String,
    correlation: Option<String>,
    trace: TraceContext,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self {
            key: key(&parts.headers)?,
            service: parts.uri.path().split('/').nth(1).unwrap_or_default().to_owned(),
            request: format!("{} {}", parts.method, parts.uri.path()),
            correlation: text(&parts.headers, "x-correlation-id").map(ToOwned::to_owned),
            trace: parts.extensions.get::<TraceContext>().cloned().unwrap_or_else(TraceContext::start),
        })
    }
}

impl Caller {
    /// The id of the commit that the request leads to: the same whenever it is sent.
    pub fn commit_id(&self) -> CommitId {
        let service = CommitId::derive(&CommitId::ROOT, &format!("http:{}", self.service));
        CommitId::derive(&service, &self.key)
    }

    /// What is noted with the events. `body` is what the request says, without secrets.
    pub fn metadata(&self, body: &str) -> Metadata {
        let correlation = self.correlation.clone().unwrap_or_else(|| self.commit_id().to_string());
        Metadata::new()
            .with_correlation_id(correlation)
            .with_causation_id(format!("http:{}", self.key))
            .with_trace_context(self.trace.to_string(), None)
            .with_header(FINGERPRINT, self.fingerprint(body))
    }

    /// The answer to a command that was carried out, now or when it was sent before.
    ///
    /// # Errors
    ///
    /// When what was carried out under this key was another request.
    pub fn done(&self, body: &str, outcome: &Outcome) -> Result<Done, Problem> {
        let first = outcome.events().first().and_then(|event| event.metadata.headers().get(FINGERPRINT));
        if outcome.is_repeated() && first != Some(&self.fingerprint(body)) {
            return Err(Problem::key_reused());
        }
        Ok(Done {
            version: outcome.version(),
            position: outcome.position(),
            events: outcome.events().iter().map(|event| event.name.to_string()).collect(),
        })
    }

    fn fingerprint(&self, body: &str) -> String {
        CommitId::derive(&CommitId::ROOT, &format!("{}\n{body}", self.request)).to_string()
    }
}

/// What came of a command.
#[derive(Debug, Serialize)]
pub struct Done {
    /// The version of the aggregate after it.
    pub version: Version,
    /// Where in the log it is: to be asked for with `at_least`.
    pub position: Option<Position>,
    /// What happened.
    pub events: Vec<String>,
}

/// A structured field (RFC 8941) has its text in quotes; most clients leave them away.
fn key(headers: &HeaderMap) -> Result<String, Problem> {
    let missing = || {
        let detail = "give the request a key of its own in the header Idempotency-Key, such as a UUID, and \
                      the same key when it is sent again";
        Problem::bad_request("idempotency-key-missing", detail)
    };
    let text = text(headers, "idempotency-key").ok_or_else(missing)?.trim();
    let key = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    match key.len() {
        0 => Err(missing()),
        1..=255 => Ok(key.to_owned()),
        _ => {
            Err(Problem::bad_request("idempotency-key-too-long", "an Idempotency-Key has at most 255 bytes"))
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
