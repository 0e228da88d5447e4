//! `#[derive(Projection)] #[projection("orders-by-day", follows(Order, Payment), ignore(OrderShipped))]`

use crate::args;
use crate::errors::Errors;
use crate::follower::{self, Follower, Kind};
use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{DeriveInput, Ident, LitInt, Path};

const KIND: Kind = Kind {
    attribute: "projection",
    entry: "Projection",
    noun: "a projection",
    example: "orders-by-day",
    no_follows: "missing `follows(...)`, the aggregates whose events this projection is made of",
    keys: &["version", "follows", "ignore", "delivery", "crate"],
    ignoring: |_| follower::ignored_on,
};

/// A well-formed projection, or the nearest one to what was written.
struct Projection {
    follower: Follower,
    version: Option<u32>,
    delivery: Ident,
}

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match KIND.item_of(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let projection = Projection::parse(&input, &mut errors);
    let impls = projection.impls();
    quote!(#errors #impls)
}

impl Projection {
    fn parse(input: &DeriveInput, errors: &mut Errors) -> Self {
        let (mut version, mut delivery) = (None::<LitInt>, None::<Path>);
        let follower = KIND.parse(input, errors, |args, arg| {
            match arg.key.to_string().as_str() {
                "version" => args.fill(&mut version, arg, VERSION),
                "delivery" => args.fill(&mut delivery, arg, DELIVERY),
                _ => return Some(arg),
            }
            None
        });
        let version = version.and_then(|literal| errors.keep(args::above_zero(&literal, VERSION)));
        let delivery = match delivery {
            Some(path) => delivery_of(&path, errors),
            None => Ident::new(EXACTLY_ONCE, Span::call_site()),
        };
        Self { follower, version, delivery }
    }

    fn impls(&self) -> TokenStream {
        let Self { follower, version, delivery } = self;
        let ident = follower.ident();
        let context = if delivery == EXACTLY_ONCE { quote!(__es::Sql) } else { quote!(__es::Attempt) };
        let version = version.map(|version| quote!(const VERSION: __es::u32 = #version;));
        let projection = quote! {
            impl __es::Projection for #ident {
                #version
                type Delivery = __es::#delivery;
            }
        };
        follower.impls(&context, &projection)
    }
}

const VERSION: &str = "a version is a number from 1 to 4294967295";
const DELIVERY: &str = "a delivery is `ExactlyOnce` or `AtLeastOnce`";
const EXACTLY_ONCE: &str = "ExactlyOnce";
const AT_LEAST_ONCE: &str = "AtLeastOnce";

/// The last name of the path. What is neither was hardly meant as the one that need not be said.
fn delivery_of(path: &Path, errors: &mut Errors) -> Ident {
    match path.segments.last() {
        Some(name) if name.ident == EXACTLY_ONCE || name.ident == AT_LEAST_ONCE => name.ident.clone(),
        _ => {
            errors.at(path, DELIVERY);
            Ident::new(AT_LEAST_ONCE, Span::call_site())
        }
    }
}
