//! `#[derive(Reaction)] #[reaction("charge", follows(Order), ignore(OrderShipped))]`

use crate::errors::Errors;
use crate::follower::Kind;
use proc_macro2::TokenStream;
use quote::quote;

const KIND: Kind = Kind {
    attribute: "reaction",
    noun: "a reaction",
    example: "charge",
    no_follows: "missing `follows(...)`, the aggregates whose events this reaction acts on",
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
    let impls = follower.impls(&quote!(__es::Effects), &quote!(impl __es::Reaction for #ident {}));
    quote!(#errors #impls)
}
