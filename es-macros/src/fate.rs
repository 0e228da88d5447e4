//! What became of an event: `into(OrderPlaced, Option<OrderPaid>)` or `retired = "why"`.

use crate::args::{self, List};
use crate::errors::Errors;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, LitStr, Path};

/// What became of the event.
pub(crate) enum Fate {
    Current,
    /// Others are read in its place, as that word says.
    Replaced(Ident, Vec<Path>),
    /// Nothing is, for this reason.
    Retired(LitStr),
}

pub(crate) const PARTS: List = List {
    usage: "list the types of the events that are read in its place: `into(OrderPlaced, Option<OrderPaid>)`",
    twice: "this event is already read in its place; where it happened several times, it is a `Vec` of them",
    empty: Some("an event that nothing comes after is `retired = \"why\"`"),
};
pub(crate) const REASON: &str =
    "say why it does not happen any more: `retired = \"flags moved to the risk service\"`";

impl Fate {
    /// What the event says of it, and the impl that leads to what is read in its place.
    pub(crate) fn impls(&self, ident: &Ident) -> (TokenStream, TokenStream) {
        let (fate, parts, split) = match self {
            Self::Current => return Default::default(),
            Self::Replaced(into, parts) => {
                let span = into.span();
                // The user writes no tuple of one.
                let split = match &**parts {
                    [part] => quote_spanned!(span=> <#part as __es::Upcast<Self>>::alone),
                    _ => quote_spanned!(span=> <Self::Parts as __es::Upcast<Self>>::upcast),
                };
                (quote!(Replaced), quote_spanned!(span=> (#(#parts,)*)), split)
            }
            Self::Retired(reason) => (quote!(Retired(#reason)), quote!(()), quote!(__es::into_nothing)),
        };
        let former = quote! {
            #[automatically_derived]
            impl __es::Former for #ident {
                type Parts = #parts;
                const SPLIT: fn(Self) -> Self::Parts = #split;
            }
        };
        (quote!(const FATE: __es::Fate = __es::Fate::#fate;), former)
    }

    pub(crate) fn of(
        into: Option<Ident>,
        parts: Vec<Path>,
        retired: Option<LitStr>,
        errors: &mut Errors,
    ) -> Self {
        match (into, retired) {
            (Some(into), Some(_)) => {
                errors.at(into, "an event is read as others, or is `retired` and read as none, but not both");
                Self::Current
            }
            (Some(into), None) if !parts.is_empty() => Self::Replaced(into, parts),
            (_, Some(reason)) => match errors.keep(args::check_reason(&reason, REASON)) {
                Some(()) => Self::Retired(reason),
                None => Self::Current,
            },
            (_, None) => Self::Current,
        }
    }
}
