//! `#[derive(Workflow)] #[workflow("checkout", follows(Order, Payment), ignore(OrderShipped))]`

use crate::args;
use crate::follower::{self, Ignoring, Kind};
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{DeriveInput, Path};

const KIND: Kind = Kind {
    attribute: "workflow",
    entry: "Workflow",
    noun: "a workflow",
    example: "checkout",
    no_follows: "missing `follows(...)`, the aggregates whose events this workflow is driven by",
    keys: &["follows", "ignore", "crate"],
    ignoring,
};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    KIND.expand_acting(item, &quote!(Workflow))
}

/// Where its aggregate is forgotten, that is said once, and not for each event that it ignores too.
fn ignoring(input: &DeriveInput) -> Ignoring {
    let is_aggregate = input.attrs.iter().any(|attr| attr.path().is_ident("aggregate"));
    if is_aggregate { ignored_when } else { follower::ignored_on }
}

fn ignored_when(ident: &Ident, event: &Path) -> TokenStream {
    quote_spanned! {args::span_of_name(event)=>
        impl __es::When<#event> for #ident {
            const IS_IGNORED: __es::bool = true;
            fn correlate(_: &__es::Recorded<#event>) -> __es::Option<Self::Id> {
                __es::None
            }
            fn when(&self, _: &__es::Recorded<#event>, _: &mut __es::Plan<Self>) {}
        }
    }
}
