//! Traces: which request it was that something happens for, here and in other programs (W3C Trace Context).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use es_runtime::{Entropy, Metadata, SystemEntropy};
use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Instant;
use tracing::{Instrument, Span};

static ENTROPY: LazyLock<SystemEntropy> = LazyLock::new(SystemEntropy::default);

/// A place in a trace: what `traceparent` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    /// The span that whatever comes next is below of; none in a new trace.
    span: Option<u64>,
    flags: u8,
}

impl TraceContext {
    /// A new trace. With its flag `random`, and not sampled by anybody yet.
    pub fn start() -> Self {
        let trace = u128::from(random()) << 64 | u128::from(random());
        Self { trace, span: None, flags: 2 }
    }

    /// Where `traceparent` points to; a new trace where it points to none.
    pub fn of(traceparent: Option<&str>) -> Self {
        traceparent.and_then(|text| text.parse().ok()).unwrap_or_else(Self::start)
    }

    /// A place below this one, in a span that tells both.
    pub fn child(&self, name: &'static str) -> (Self, Span) {
        let below = Self { span: Some(random()), ..self.clone() };
        let trace_id = format_args!("{:032x}", self.trace);
        let (span_id, parent_id) = (Hex(below.span), Hex(self.span));
        let span = tracing::info_span!(
            "service",
            otel.name = name,
            %trace_id,
            %span_id,
            %parent_id,
        );
        (below, span)
    }
}

/// Where what an event causes happens: below the span in which the event was stored, which was perhaps one of
/// another program. Answers with the metadata of what comes of it, and the span.
pub fn span_of(event: &Metadata, effects: &Metadata, name: &'static str) -> (Metadata, Span) {
    let (context, span) = TraceContext::of(event.traceparent()).child(name);
    (effects.clone().with_trace_context(context.to_string(), None), span)
}

impl FromStr for TraceContext {
    type Err = NotATrace;

    fn from_str(text: &str) -> Result<Self, NotATrace> {
        let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(version), Some(trace), Some(span), Some(flags)) = (version, trace, span, flags) else {
            return Err(NotATrace);
        };
        let sizes = (version.len(), trace.len(), span.len(), flags.len());
        let is_known = version != "ff" && (version != "00" || parts.next().is_none());
        if sizes != (2, 32, 16, 2) || !is_known || ![version, trace, span, flags].into_iter().all(hex) {
            return Err(NotATrace);
        }
        let trace = u128::from_str_radix(trace, 16).map_err(|_| NotATrace)?;
        let span = u64::from_str_radix(span, 16).map_err(|_| NotATrace)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_| NotATrace)?;
        if trace == 0 || span == 0 { Err(NotATrace) } else { Ok(Self { trace, span: Some(span), flags }) }
    }
}

/// This is not the text of a `traceparent`. A retry does not help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no trace context, such as 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
pub struct NotATrace;

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span.unwrap_or(0), self.flags)
    }
}

/// Handles a request in a span of its own, below the one that its `traceparent` names.
pub async fn in_span(mut request: Request, next: Next) -> Response {
    let traceparent = request.headers().get("traceparent").and_then(|text| text.to_str().ok());
    let (context, span) = TraceContext::of(traceparent).child("request");
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(context);
    let answer = async {
        let start = Instant::now();
        let response = next.run(request).await;
        let (status, millis) = (response.status().as_u16(), start.elapsed().as_millis());
        tracing::info!(%method, path, status, millis, "answered");
        response
    };
    answer.instrument(span).await
}

fn random() -> u64 {
    // A zero means none.
    ENTROPY.next().max(1)
}

struct Hex(Option<u64>);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "{number:016x}"),
            None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn it_is_read_as_it_is_written() {
        assert_eq!(PARENT.parse::<TraceContext>().expect("valid").to_string(), PARENT);
        let later = PARENT.replacen("00", "01", 1) + "-more";
        assert_eq!(later.parse::<TraceContext>().expect("of a later version").to_string(), PARENT);
    }

    #[test]
    fn what_is_below_is_in_the_same_trace_in_a_span_of_its_own() {
        let parent: TraceContext = PARENT.parse().expect("valid");
        let (child, _) = parent.child("test");
        assert_eq!((child.trace, child.flags), (parent.trace, parent.flags));
        assert_ne!(child.span, parent.span);
    }

    #[test]
    fn what_is_none_begins_a_new_trace() {
        let zero = format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32));
        let upper = PARENT.to_uppercase();
        let longer = format!("{PARENT}-00");
        for text in ["", "x", &PARENT[..54], &zero, &upper, &longer, &PARENT.replacen("00", "ff", 1)] {
            assert_eq!(text.parse::<TraceContext>(), Err(NotATrace), "{text}");
        }
        assert_ne!(TraceContext::of(Some("x")), TraceContext::of(None));
    }
}
