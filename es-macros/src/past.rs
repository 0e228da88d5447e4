//! `past(OrderFlagged, OrderShipped = "shipments have streams of their own")` of an aggregate.

use crate::args::{self, Arg, Args};
use crate::errors::Errors;
use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use std::collections::HashSet;
use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitStr, Path, Token};

/// An event that the aggregate does not raise any more.
pub(crate) struct PastEvent {
    event: Path,
    /// Why nothing is read in its place here, unless the event itself says what became of it.
    reason: Option<LitStr>,
}

impl Parse for PastEvent {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let event = input.parse()?;
        let reason = match input.parse::<Option<Token![=]>>()? {
            Some(_) => Some(input.parse()?),
            None => None,
        };
        Ok(Self { event, reason })
    }
}

const USAGE: &str = "list the types of the events: \
                     `past(OrderFlagged, OrderShipped = \"why it is no event of this aggregate any more\")`";
const REASON: &str = "say why it is no event of this aggregate any more";

pub(crate) fn read(past: &mut Option<Vec<PastEvent>>, args: &mut Args<'_>, arg: &Arg) {
    let Some(tokens) = args.group(arg, USAGE) else { return };
    if past.is_some() {
        return args.given_twice(&arg.key);
    }
    let mut listed = args.list_of::<PastEvent>(tokens, USAGE);
    let mut seen = HashSet::new();
    listed.retain(|PastEvent { event, reason }| {
        let is_new = seen.insert(event.to_token_stream().to_string());
        if !is_new {
            args.errors.at(event, "this event is already listed");
        }
        let reason = reason.as_ref().map_or(Ok(()), |reason| args::check_reason(reason, REASON));
        args.errors.keep(reason).is_some() && is_new
    });
    *past = Some(listed);
}

/// An event of today is not one of the past.
pub(crate) fn refuse_current(past: &mut Vec<PastEvent>, events: &[Path], errors: &mut Errors) {
    let text = |event: &Path| event.to_token_stream().to_string();
    let events: HashSet<_> = events.iter().map(text).collect();
    past.retain(|PastEvent { event, .. }| {
        let is_current = events.contains(&text(event));
        if is_current {
            errors.at(event, "this event is already listed in `events(...)`");
        }
        !is_current
    });
}

/// What the derive of an aggregate writes about its past: nothing where it has none.
#[derive(Default)]
pub(crate) struct Written {
    pub(crate) table: TokenStream,
    pub(crate) members: TokenStream,
    /// What is asked of a follower, after what is asked for the events of today.
    pub(crate) covers: TokenStream,
    /// What is added to the rows of a follower.
    pub(crate) rows: TokenStream,
}

impl Written {
    /// `current` is how many events the aggregate lists in `events(...)`.
    pub(crate) fn of(aggregate: &Ident, current: usize, past: &[PastEvent]) -> Self {
        if past.is_empty() {
            return Self::default();
        }
        let table = past.iter().map(|event| event.row(aggregate));
        let members = past.iter().enumerate().map(|(n, event)| event.member(aggregate, current + n));
        let covers = past.iter().filter(|event| event.reason.is_none()).map(
            |PastEvent { event, .. }| quote_spanned!(args::span_of_name(event)=> + __es::CoversPast<#event>),
        );
        let rows = past.iter().enumerate().map(|(n, PastEvent { event, reason })| match reason {
            None => quote!(__es::Row::past::<#event>()),
            Some(_) => {
                let n = Literal::usize_unsuffixed(n);
                quote!(__es::Row::retired::<#aggregate>(#n))
            }
        });
        Self {
            table: quote!(const PAST: &'static [__es::PastEvent<Self>] = &[#(#table),*];),
            members: quote!(#(#members)*),
            covers: quote!(#(#covers)*),
            rows: quote!(.with_past(&[#(#rows),*])),
        }
    }
}

impl PastEvent {
    fn row(&self, aggregate: &Ident) -> TokenStream {
        let Self { event, reason } = self;
        let span = args::span_of_name(event);
        match reason {
            None => quote_spanned!(span=> __es::PastEvent::<#aggregate>::of::<#event>()),
            Some(reason) => quote_spanned!(span=> __es::PastEvent::<#aggregate>::retired::<#event>(#reason)),
        }
    }

    /// Everything that can be wrong with the event is said at its name.
    ///
    /// The impl never holds, and is there for its bound: whoever raises the event is told why that cannot be.
    fn member(&self, aggregate: &Ident, position: usize) -> TokenStream {
        let event = &self.event;
        let span = args::span_of_name(event);
        let position = Literal::usize_unsuffixed(position);
        quote_spanned! {span=>
            impl __es::EventOf<#aggregate> for #event where for<'a> &'a #aggregate: __es::Raises<#event> {
                const APPLY: fn(&mut #aggregate, &Self) = __es::never_applied;
            }
            const _: () = __es::expect_unique::<#aggregate>(#position);
        }
    }
}
