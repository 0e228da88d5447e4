//! The gateway: another company, which keeps cards and takes money from them.

mod simulated;

pub use simulated::Simulated;

use super::CardRef;
use serde::Deserialize;
use std::fmt;
use std::pin::Pin;

/// What every call to a gateway answers with.
pub type Answering<'a, T> = Pin<Box<dyn Future<Output = Result<T, GatewayError>> + Send + 'a>>;

/// What a gateway does for us. A call that is repeated under the same key is done once.
pub trait Gateway: Send + Sync {
    /// Keeps a card, and says what it is called from now on.
    fn keep<'a>(&'a self, key: &'a str, token: &'a Token) -> Answering<'a, CardRef>;

    /// Takes money from a card. It may take its time to answer, or never do.
    fn charge<'a>(&'a self, key: &'a str, card: &'a CardRef, amount_cents: i64) -> Answering<'a, Answer>;

    /// Gives back what was taken under this key.
    fn refund<'a>(&'a self, key: &'a str) -> Answering<'a, ()>;

    /// The keys of approvals of which it does not know that they were heard: whoever had asked waits no more, or has
    /// crashed. They are told again until they are [heard](Self::heard). A webhook, only that we ask.
    fn unheard(&self) -> Answering<'_, Vec<String>>;

    /// What was approved under this key is noted here.
    fn heard<'a>(&'a self, key: &'a str) -> Answering<'a, ()>;
}

/// What a gateway says to a charge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The money is taken.
    Approved,
    /// It is not, and will not be.
    Declined,
}

/// A card, as the customer hands it over. It goes to the gateway and nowhere else.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A gateway did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Nobody has such a card. A retry does not help.
    #[error("the gateway knows no such card")]
    UnknownCard,
    /// The key stands for another call. A retry does not help.
    #[error("the gateway knows this key from another call")]
    KeyReused,
    /// Nothing was taken that could be given back. A retry does not help.
    #[error("the gateway took no money under this key")]
    NothingTaken,
    /// It could not be reached. A retry under the same key is safe, and may help.
    #[error("the gateway cannot be reached: {0}")]
    Unreachable(String),
}
