//! What is known of a commit beside its events: who, why, and where to look further.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Who caused an event, why, and where to look further. All of it is optional.
///
/// ```
/// use es_runtime::Metadata;
///
/// let metadata = Metadata::new().with_actor("ada").with_correlation_id("checkout-7").with_header("source", "web");
/// assert_eq!(metadata.headers()["source"], "web");
/// ```
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<Box<str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

impl Metadata {
    /// Nothing known.
    pub const fn new() -> Self {
        Self {
            correlation_id: None,
            causation_id: None,
            actor: None,
            tenant: None,
            traceparent: None,
            tracestate: None,
            headers: BTreeMap::new(),
        }
    }

    /// Which conversation this belongs to.
    #[must_use]
    pub fn with_correlation_id(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into().into());
        self
    }

    /// Which command or event made this happen.
    #[must_use]
    pub fn with_causation_id(mut self, id: impl Into<String>) -> Self {
        self.causation_id = Some(id.into().into());
        self
    }

    /// Who did it.
    #[must_use]
    pub fn with_actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into().into());
        self
    }

    /// For whom it was done, where several share a store.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into().into());
        self
    }

    /// The W3C trace context: `traceparent`, and `tracestate` where there is one.
    #[must_use]
    pub fn with_trace_context(mut self, traceparent: impl Into<String>, tracestate: Option<String>) -> Self {
        self.traceparent = Some(traceparent.into().into());
        self.tracestate = tracestate.map(Into::into);
        self
    }

    /// Anything else, by name. A second value of one name replaces the first.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// See [`with_correlation_id`](Self::with_correlation_id).
    pub fn correlation_id(&self) -> Option<&str> {
        self.correlation_id.as_deref()
    }

    /// See [`with_causation_id`](Self::with_causation_id).
    pub fn causation_id(&self) -> Option<&str> {
        self.causation_id.as_deref()
    }

    /// See [`with_actor`](Self::with_actor).
    pub fn actor(&self) -> Option<&str> {
        self.actor.as_deref()
    }

    /// See [`with_tenant`](Self::with_tenant).
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// See [`with_trace_context`](Self::with_trace_context).
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// See [`with_trace_context`](Self::with_trace_context).
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// The headers, by name.
    pub fn headers(&self) -> &BTreeMap<String, String> {
        &self.headers
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.fields().iter().all(|(_, value)| value.is_none())
    }

    /// How many bytes of text it holds.
    pub(crate) fn size(&self) -> usize {
        let fields = self.fields().into_iter().filter_map(|(_, value)| value.map(str::len));
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        fields.chain(headers).sum()
    }

    /// As JSON; nothing when it is empty. For authors of adapters.
    pub fn to_json(&self) -> Option<Vec<u8>> {
        (!self.is_empty())
            .then(|| serde_json::to_vec(self).unwrap_or_else(|_| unreachable!("text always serializes")))
    }

    /// What [`to_json`](Self::to_json) wrote. For authors of adapters.
    ///
    /// # Errors
    ///
    /// When the bytes are something else: the store is corrupt.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    fn fields(&self) -> [(&'static str, Option<&str>); 6] {
        [
            ("correlation_id", self.correlation_id.as_deref()),
            ("causation_id", self.causation_id.as_deref()),
            ("actor", self.actor.as_deref()),
            ("tenant", self.tenant.as_deref()),
            ("traceparent", self.traceparent.as_deref()),
            ("tracestate", self.tracestate.as_deref()),
        ]
    }
}

/// Shows what is there and leaves out what is not.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (name, value) in self.fields() {
            if let Some(value) = value {
                map.entry(&name, &value);
            }
        }
        map.entries(&self.headers).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_it_wrote() {
        let metadata = Metadata::new()
            .with_correlation_id("c")
            .with_causation_id("b")
            .with_actor("ada")
            .with_tenant("acme")
            .with_trace_context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some("x=1".into()))
            .with_header("line", "17");
        let json = metadata.to_json().expect("not empty");
        assert_eq!(Metadata::from_json(&json).expect("ours"), metadata);
    }

    #[test]
    fn nothing_takes_no_room() {
        assert_eq!(Metadata::new().to_json(), None);
        assert_eq!(Metadata::from_json(b"{}").expect("valid"), Metadata::default());
        assert_eq!(format!("{:?}", Metadata::new().with_actor("ada")), r#"{"actor": "ada"}"#);
    }
}
