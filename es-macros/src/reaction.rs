//! `#[derive(Reaction)] #[reaction("charge", follows(Order), ignore(OrderShipped))]`

use crate::follower::{self, Kind};
use proc_macro2::TokenStream;
use quote::quote;

const KIND: Kind = Kind {
    attribute: "reaction",
    entry: "Reaction",
    noun: "a reaction",
    example: "charge",
    no_follows: "missing `follows(...)`, the aggregates whose events this reaction acts on",
    keys: &["follows", "ignore", "crate"],
    ignoring: |_| follower::ignored_on,
};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    KIND.expand_acting(item, &quote!(Reaction))
}
