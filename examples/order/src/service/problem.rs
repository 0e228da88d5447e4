//! Problems: what went wrong, as RFC 9457 has it.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use es_runtime::prelude::*;
use es_runtime::{InvalidName, ReadError};
use serde::Serialize;
use std::fmt::Display;

/// Before the name of a problem, in its `type`. `.example` is nobody's; yours goes here.
const TYPES: &str = "https://shop.example/problems/";

/// In how many seconds to try again what may go well in a moment.
const RETRY_AFTER: &str = "1";

/// What went wrong with a request, for the program that made it and for whoever looks into that.
#[derive(Debug, Clone)]
pub struct Problem {
    name: String,
    status: StatusCode,
    detail: String,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: String,
    status: u16,
    detail: &'a str,
}

impl Problem {
    /// A problem of this name, which stays: programs tell problems apart by it. Words are joined by `-`.
    pub fn new(status: StatusCode, name: impl Into<String>, detail: impl Display) -> Self {
        Self { name: name.into(), status, detail: detail.to_string() }
    }

    /// The request makes no sense.
    pub fn bad_request(name: &str, detail: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, name, detail)
    }

    /// The request can be read, but asks for something that there cannot be.
    pub fn unprocessable(name: &str, detail: impl Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, name, detail)
    }

    /// Nothing was done, and the same may go well in a moment.
    pub fn unavailable(name: &str, detail: impl Display) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, name, detail)
    }

    /// A refusal of the domain, named after what it is as JSON: `not_paid` is the problem `not-paid`.
    pub fn refused(status: StatusCode, refusal: &(impl Serialize + Display)) -> Self {
        let name = serde_json::to_value(refusal).ok();
        let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or("refused");
        Self::new(status, name.replace('_', "-"), refusal)
    }

    /// What became of a command that was not carried out. `refused` tells what a refusal is.
    pub fn of_command<X>(error: CommandError<X>, refused: impl FnOnce(X) -> Self) -> Self {
        match error {
            CommandError::Refused(refusal) => refused(refusal),
            CommandError::Store(error) => error.into(),
        }
    }

    /// The idempotency key is known from another request.
    pub fn key_reused() -> Self {
        let detail =
            "this Idempotency-Key was used for another request; a new request needs a key of its own";
        Self::unprocessable("idempotency-key-reused", detail)
    }

    /// Nobody knows whether it was done.
    pub fn outcome_unknown() -> Self {
        let detail = "it may or may not have been done: send it again with the same Idempotency-Key, and it is \
                      done once";
        Self::unavailable("outcome-unknown", detail)
    }

    /// A question was not answered in time.
    pub fn too_slow() -> Self {
        Self::unavailable("unavailable", "the answer takes too long: ask again in a moment")
    }

    /// Something is wrong here. What it is stays here.
    pub fn internal(error: &dyn Display) -> Self {
        tracing::error!(%error, "a request failed");
        let detail = "something is wrong on this side; the log of this service says what";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut title = self.name.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let r#type = format!("{TYPES}{}", self.name);
        let document = Document { r#type, title, status: self.status.as_u16(), detail: &self.detail };
        let mut response = (self.status, Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::InvalidName(error) => error.into(),
            StoreError::Read(error) => error.into(),
            StoreError::Append(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Unavailable(_) => unavailable(&error),
            AppendError::Unknown { .. } => {
                tracing::warn!(%error, "whether a request was carried out is not known");
                Self::outcome_unknown()
            }
            AppendError::Conflict { .. } => {
                let detail = "others were faster, again and again, and nothing was done: send it again";
                Self::unavailable("contention", detail)
            }
            AppendError::IdReused { .. } => Self::key_reused(),
            AppendError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", error),
            error => Self::internal(&error),
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(_) => unavailable(&error),
            error => Self::internal(&error),
        }
    }
}

impl From<InvalidName> for Problem {
    fn from(error: InvalidName) -> Self {
        Self::bad_request("invalid-id", error)
    }
}

/// The reason may name servers and files, which are none of the caller's business.
fn unavailable(error: &dyn Display) -> Problem {
    tracing::warn!(%error, "the store is unavailable");
    let detail = "the store cannot be reached, and nothing was done: send it again in a moment";
    Problem::unavailable("unavailable", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use es_runtime::{Cause, Expected};

    fn answer(error: AppendError) -> (u16, String, bool) {
        let problem = Problem::from(StoreError::from(error));
        let name = problem.name.clone();
        let response = problem.into_response();
        (response.status().as_u16(), name, response.headers().contains_key(header::RETRY_AFTER))
    }

    #[test]
    fn what_the_store_could_not_do_says_whether_to_send_it_again() {
        let (id, cause) = (CommitId::ROOT, || Cause::new("hunter2@db.internal"));
        let conflict = AppendError::Conflict {
            stream: "order/o-1".parse().expect("a stream"),
            expected: Expected::NoStream,
            actual: Version::new(1),
        };
        let large = AppendError::TooLarge { what: "the commit".into(), size: 2, limit: 1 };
        let cases = [
            (AppendError::Unavailable(cause()), (503, "unavailable", true)),
            (AppendError::Unknown { id, r#source: cause() }, (503, "outcome-unknown", true)),
            (conflict, (503, "contention", true)),
            (AppendError::IdReused { id }, (422, "idempotency-key-reused", false)),
            (large, (413, "too-large", false)),
            (AppendError::Fatal(cause()), (500, "internal", false)),
        ];
        for (error, (status, name, is_retryable)) in cases {
            assert_eq!(answer(error), (status, name.to_owned(), is_retryable));
        }
    }

    #[test]
    fn what_is_inside_stays_inside() {
        let cause = || Cause::new("hunter2@db.internal");
        let unknown = AppendError::Unknown { id: CommitId::ROOT, r#source: cause() };
        for error in [AppendError::Unavailable(cause()), unknown, AppendError::Fatal(cause())] {
            let problem = Problem::from(error);
            assert!(!problem.detail.contains("hunter2"), "{problem:?}");
        }
    }
}
