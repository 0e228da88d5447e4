//! `#[derive(Workflow)] #[workflow("checkout", follows(Order, Payment), ignore(OrderShipped))]`

use crate::errors::Errors;
use crate::follower::Kind;
use proc_macro2::TokenStream;
use quote::quote;

const KIND: Kind = Kind {
    attribute: "workflow",
    noun: "a workflow",
    example: "checkout",
    no_follows: "missing `follows(...)`, the aggregates whose events this workflow is driven by",
    keys: &["follows", "ignore", "crate"],
};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match KIND.item_of(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let follower = KIND.parse(&input, &mut errors, |_, arg| Some(arg));
    let ident = follower.ident();
    let impls = follower.impls(&quote!(__es::Effects), &quote!(impl __es::Workflow for #ident {}));
    quote!(#errors #impls)
}
