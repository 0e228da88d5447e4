//! What everything that follows aggregates is told: `follows(Order, Payment), ignore(OrderShipped)`.

use crate::args::{self, Arg, Args, List};
use crate::errors::Errors;
use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Attribute, Data, DeriveInput, Error, Ident, LitStr, Path};

/// The words in which one kind of follower differs from another.
pub(crate) struct Kind {
    /// Its attribute.
    pub(crate) attribute: &'static str,
    /// Its variant in the registry.
    pub(crate) entry: &'static str,
    /// What it is called in a sentence.
    pub(crate) noun: &'static str,
    /// A name it could have.
    pub(crate) example: &'static str,
    /// What is said where it follows nothing.
    pub(crate) no_follows: &'static str,
    /// What its attribute may say.
    pub(crate) keys: &'static [&'static str],
    /// How an event that is ignored is written for this type.
    pub(crate) ignoring: fn(&DeriveInput) -> Ignoring,
}

/// Writes the impl of a type for an event that it ignores: like the user's own for one that it handles, so that
/// rustc shows the two of them where an event is both.
pub(crate) type Ignoring = fn(&Ident, &Path) -> TokenStream;

/// A well-formed follower, or the nearest one to what was written.
pub(crate) struct Follower {
    ident: Ident,
    entry: Ident,
    doc: Vec<LitStr>,
    name: LitStr,
    follows: Vec<Path>,
    ignored: Vec<Path>,
    ignoring: Ignoring,
    runtime: TokenStream,
}

impl Kind {
    /// A follower that acts, by effects: what its attribute says is common to all kinds.
    pub(crate) fn expand_acting(&self, item: TokenStream, kind: &TokenStream) -> TokenStream {
        let input = match self.item_of(item) {
            Ok(input) => input,
            Err(error) => return error.into_compile_error(),
        };
        let mut errors = Errors::default();
        let follower = self.parse(&input, &mut errors, |_, arg| Some(arg));
        let ident = follower.ident();
        let impls = follower.impls(&quote!(__es::Effects), &quote!(impl __es::#kind for #ident {}));
        quote!(#errors #impls)
    }

    /// Refuses types whose expansion would only add noise.
    pub(crate) fn item_of(&self, item: TokenStream) -> syn::Result<DeriveInput> {
        let input = syn::parse2::<DeriveInput>(item)?;
        let noun = self.noun;
        if let Data::Union(data) = &input.data {
            let message = format!("only a struct or an enum can be {noun}");
            return Err(Error::new_spanned(data.union_token, message));
        }
        if !input.generics.params.is_empty() {
            let message =
                format!("{noun} cannot be generic, because how far it has come is noted under one name");
            return Err(Error::new_spanned(&input.generics, message));
        }
        Ok(input)
    }

    /// Reads the attribute of `input`. What is not common to all kinds is read by `own`, which gives back
    /// an argument that it does not know.
    pub(crate) fn parse(
        &self,
        input: &DeriveInput,
        errors: &mut Errors,
        own: impl FnMut(&mut Args<'_>, Arg) -> Option<Arg>,
    ) -> Follower {
        let Self { attribute, example, .. } = self;
        let ident = input.ident.clone();
        let name = LitStr::new(&ident.to_string(), ident.span());
        let runtime = args::runtime(None);
        let mut follower = Follower {
            ident,
            entry: Ident::new(self.entry, Span::call_site()),
            doc: args::doc(&input.attrs),
            name,
            follows: Vec::new(),
            ignored: Vec::new(),
            ignoring: (self.ignoring)(input),
            runtime,
        };
        let mut attrs = input.attrs.iter().filter(|attr| attr.path().is_ident(attribute));
        match attrs.next() {
            Some(attr) => self.read(&mut follower, attr, errors, own),
            None => errors.at(
                &input.ident,
                format!("say what to follow: `#[{attribute}(\"{example}\", follows(Order, ...))]`"),
            ),
        }
        attrs.for_each(|second| errors.at(second, format!("`#[{attribute}(...)]` is given twice")));
        follower
    }

    fn read(
        &self,
        follower: &mut Follower,
        attr: &Attribute,
        errors: &mut Errors,
        mut own: impl FnMut(&mut Args<'_>, Arg) -> Option<Arg>,
    ) {
        let Some(list) = errors.keep(attr.meta.require_list()) else { return };
        let (mut follows, mut ignored, mut runtime) = (None, None, None);
        let followed = List { empty: Some(self.no_follows), ..FOLLOWED };
        let mut args = Args::new(list.tokens.clone(), self.keys, args::span_of_name(attr.path()), errors);
        let name = args.name(self.example);
        while let Some(arg) = args.next() {
            let Some(arg) = own(&mut args, arg) else { continue };
            match arg.key.to_string().as_str() {
                "follows" => args.types(&mut follows, &arg, &followed),
                "ignore" => args.types(&mut ignored, &arg, &IGNORED),
                "crate" => args.fill(&mut runtime, arg, "`crate` is a path: `crate = my_crate::es`"),
                _ => args.unknown(&arg),
            }
        }
        if args.lacks("follows") {
            args.missing(self.no_follows);
        }
        // What is misspelt may be what was to follow, or to ignore: nothing is followed then, so that no
        // event is asked for.
        if args.errors.is_empty() {
            follower.follows = follows.unwrap_or_default();
        }
        follower.ignored = ignored.unwrap_or_default();
        follower.name = name.unwrap_or_else(|| follower.name.clone());
        follower.runtime = args::runtime(runtime);
    }
}

impl Follower {
    pub(crate) fn ident(&self) -> &Ident {
        &self.ident
    }

    /// What is common to all kinds, with the impl that makes it one of them.
    pub(crate) fn impls(&self, context: &TokenStream, own: &TokenStream) -> TokenStream {
        let Self { ident, entry, doc, name, follows, runtime, .. } = self;
        let once = (1..follows.len()).map(|position| self.once(position));
        let ignored = self.ignored.iter().map(|event| self.ignore(event));
        quote! {
            #[allow(unused_qualifications)]
            const _: () = {
                use #runtime::__private as __es;

                #[automatically_derived]
                impl __es::Follower for #ident {
                    const NAME: &'static __es::str = #name;
                    const FOLLOWS: &'static [__es::Followed<Self>] = &[#(__es::Followed::of::<#follows>()),*];
                    type Context = #context;
                }
                #[automatically_derived]
                #own
                #(#once)*
                #(#ignored)*
                __es::register!(#entry #ident #(#doc)*);
            };
        }
    }

    fn once(&self, position: usize) -> TokenStream {
        let ident = &self.ident;
        let span = args::span_of_name(&self.follows[position]);
        let position = Literal::usize_unsuffixed(position);
        quote_spanned!(span=> const _: () = __es::expect_followed_once::<#ident>(#position);)
    }

    fn ignore(&self, event: &Path) -> TokenStream {
        let ident = &self.ident;
        let ignored = (self.ignoring)(ident, event);
        // Where it is not known what is followed, an event is not blamed for not being part of it.
        let listed = (!self.follows.is_empty()).then(|| {
            quote_spanned!(args::span_of_name(event)=>
                const _: () = __es::expect_listed::<#ident, #event>();
            )
        });
        quote!(#[automatically_derived] #ignored #listed)
    }
}

/// As for whoever handles an event by `On`.
pub(crate) fn ignored_on(ident: &Ident, event: &Path) -> TokenStream {
    quote_spanned! {args::span_of_name(event)=>
        impl __es::On<#event> for #ident {
            const IS_IGNORED: __es::bool = true;
            async fn on(&self, _: &__es::Recorded<#event>, _: &mut Self::Context) -> __es::Handled {
                __es::Ok(())
            }
        }
    }
}

const FOLLOWED: List = List {
    usage: "list the types of the aggregates: `follows(Order, Payment)`",
    twice: "this aggregate is already followed",
    empty: None,
};

const IGNORED: List = List {
    usage: "list the types of the events: `ignore(OrderPlaced, OrderShipped)`",
    twice: "this event is already ignored",
    empty: None,
};
