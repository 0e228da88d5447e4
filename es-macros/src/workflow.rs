//! `#[derive(Workflow)] #[workflow("checkout", follows(Order, Payment), ignore(OrderShipped))]`

use crate::follower::Kind;
use proc_macro2::TokenStream;
use quote::quote;

const KIND: Kind = Kind {
    attribute: "workflow",
    entry: "Workflow",
    noun: "a workflow",
    example: "checkout",
    no_follows: "missing `follows(...)`, the aggregates whose events this workflow is driven by",
    keys: &["follows", "ignore", "crate"],
};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    KIND.expand_acting(item, &quote!(Workflow))
}
