//! Events whose serde derives the user wrote, both or one of them.

use crate::facade::{self, event};
use ::serde::{Deserialize, Serialize};
use ::std::string::String;

/// Both are the user's.
#[event("hand.both", crate = facade)]
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Both {
    /// By whom.
    pub placed_by: String,
}

/// One is the user's.
#[event("hand.one", crate = facade)]
#[derive(Debug, ::serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct One {
    /// By whom.
    pub placed_by: String,
}

/// The other is the user's.
#[event("hand.other", crate = facade)]
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Other {
    /// By whom.
    pub placed_by: String,
}

/// None is the user's, but what serde is told is.
#[event("hand.none", crate = facade)]
#[serde(rename_all = "camelCase")]
#[derive(Debug)]
pub struct Neither {
    /// By whom.
    pub placed_by: String,
}

/// One may be the user's, if a feature says so.
#[event("hand.perhaps", crate = facade)]
#[cfg_attr(all(), derive(Debug, Serialize))]
#[cfg_attr(any(), derive(Deserialize))]
#[serde(rename_all = "camelCase")]
pub struct Perhaps {
    /// By whom.
    pub placed_by: String,
}
