//! The parts of a request, each refused with a problem where it makes no sense.

use super::Problem;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::fmt::Display;
use std::str::FromStr;

/// The id in the path.
#[derive(Debug)]
pub struct Id<T>(pub T);

impl<T: FromStr<Err: Display>, S: Sync + Send> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let invalid = |error: &dyn Display| Problem::bad_request("invalid-id", error);
        let Path(id) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|error| invalid(&error))?;
        id.parse().map(Self).map_err(|error| invalid(&error))
    }
}

/// What is asked behind the `?`.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Sync + Send> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => Err(Problem::bad_request("invalid-query", error.body_text())),
        }
    }
}

/// The body, which is JSON.
#[derive(Debug)]
pub struct Posted<T> {
    /// What it says.
    pub value: T,
    /// The same as text, whatever the order of the fields and the spaces between them.
    pub text: String,
}

impl<T: DeserializeOwned, S: Sync + Send> FromRequest<S> for Posted<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "the body must be JSON, and the header Content-Type must say application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", detail));
        }
        let bytes = Bytes::from_request(request, state).await.map_err(|error| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(error.status(), "too-large", error.body_text()),
            _ => Problem::bad_request("unreadable-body", error.body_text()),
        })?;
        let whole: serde_json::Value = serde_json::from_slice(&bytes).map_err(|error| refuse(&error))?;
        // From the bytes once more: they may name a field twice.
        let value = serde_json::from_slice(&bytes).map_err(|error| refuse(&error))?;
        Ok(Self { value, text: whole.to_string() })
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let stated =
        headers.get(header::CONTENT_TYPE).and_then(|stated| stated.to_str().ok()).unwrap_or_default();
    let essence = stated.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn refuse(error: &serde_json::Error) -> Problem {
    match error.classify() {
        Category::Data => Problem::unprocessable("invalid-body", error),
        Category::Syntax | Category::Eof | Category::Io => Problem::bad_request("malformed-json", error),
    }
}
