//! `#[event("stored.name", version = 2, from = Older, alias = "old.name")]`

use crate::args::{self, Args};
use crate::errors::Errors;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Data, DeriveInput, Error, Ident, LitInt, LitStr, Path};

const KEYS: &[&str] = &["version", "from", "alias", "crate"];

/// A well-formed event, or the nearest one to what was written.
struct Event {
    ident: Ident,
    name: Option<LitStr>,
    aliases: Vec<LitStr>,
    version: Version,
    /// Which of serde's derives the user did not write.
    derives: Vec<&'static str>,
    doc: Vec<LitStr>,
    runtime: TokenStream,
}

enum Version {
    First,
    /// A number above 1, and the type that is one version older.
    Later(u16, Path),
    /// What was written about it is wrong.
    Unknown,
}

pub(crate) fn expand(args: TokenStream, item: TokenStream) -> TokenStream {
    let input = match item_of(&item) {
        Ok(input) => input,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    let mut errors = Errors::default();
    let event = Event::parse(args, &input, &mut errors);
    let derives = event.derives();
    let impls = event.impls();
    quote!(#errors #derives #item #impls)
}

/// Refuses items whose expansion would only add noise.
fn item_of(item: &TokenStream) -> syn::Result<DeriveInput> {
    let message = "only a struct or an enum can be an event";
    let input = syn::parse2::<DeriveInput>(item.clone()).map_err(|error| match keyword(item) {
        Some(keyword) if keyword == "struct" || keyword == "enum" => error,
        Some(keyword) => Error::new(keyword.span(), message),
        None => Error::new_spanned(item, message),
    })?;
    if let Data::Union(data) = &input.data {
        return Err(Error::new_spanned(data.union_token, message));
    }
    if !input.generics.params.is_empty() {
        let message = "an event cannot be generic, because it is stored under one name with one shape";
        return Err(Error::new_spanned(&input.generics, message));
    }
    match input.attrs.iter().find(|attr| attr.path().is_ident("event")) {
        Some(second) => Err(Error::new_spanned(second, "`#[event]` is given twice")),
        None => Ok(input),
    }
}

/// The word that says what kind of item it is.
fn keyword(item: &TokenStream) -> Option<Ident> {
    item.clone().into_iter().find_map(|token| match token {
        TokenTree::Ident(word) if word != "pub" => Some(word),
        _ => None,
    })
}

impl Event {
    fn parse(tokens: TokenStream, input: &DeriveInput, errors: &mut Errors) -> Self {
        let (mut version, mut from, mut aliases, mut runtime) = (None::<LitInt>, None, Vec::new(), None);
        let mut args = Args::new(tokens, KEYS, Span::call_site(), errors);
        let name = args.name("order.placed");
        while let Some(arg) = args.next() {
            match arg.key.to_string().as_str() {
                "version" => args.fill(&mut version, arg, VERSION),
                "from" => args.fill(&mut from, arg, "`from` is a type: `from = OrderPlacedV1`"),
                "alias" => {
                    let mut alias = None::<LitStr>;
                    args.fill(&mut alias, arg, "an alias is a stored name: `alias = \"order.settled\"`");
                    aliases.extend(alias);
                }
                "crate" => args.fill(&mut runtime, arg, "`crate` is a path: `crate = my_crate::es`"),
                _ => args.unknown(&arg),
            }
        }
        let (no_version, no_from) = (args.lacks("version"), args.lacks("from"));
        let version = errors.keep(version_of(version, from, no_version, no_from));
        keep_aliases(&mut aliases, name.as_ref(), errors);
        Self {
            ident: input.ident.clone(),
            name,
            aliases,
            version: version.unwrap_or(Version::Unknown),
            derives: missing_derives(&input.attrs),
            doc: args::doc(&input.attrs),
            runtime: args::runtime(runtime),
        }
    }

    /// Serde's derives. Where both are ours, so is the path to serde; else the user has serde at hand.
    ///
    /// Serde reads that path from a text, which cannot say `$crate`: there, an import lends it a name.
    fn derives(&self) -> TokenStream {
        let Self { ident, derives, runtime, .. } = self;
        let serde = quote!(#runtime::__private::serde);
        let names = derives.iter().map(|derive| Ident::new(derive, Span::call_site()));
        let derive = quote!(#[derive(#(#serde::#names),*)]);
        let path = serde.to_string();
        match derives.len() {
            0 => TokenStream::new(),
            1 => derive,
            _ if path.starts_with('$') => {
                let lent = format_ident!("__serde_of_{ident}");
                let path = lent.to_string();
                quote!(use #serde as #lent; #derive #[serde(crate = #path)])
            }
            _ => quote!(#derive #[serde(crate = #path)]),
        }
    }

    fn impls(&self) -> TokenStream {
        let Self { ident, aliases, doc, runtime, .. } = self;
        let name = self.name();
        let aliases = (!aliases.is_empty())
            .then(|| quote!(const ALIASES: &'static [&'static __es::str] = &[#(#aliases),*];));
        let (version, check) = match &self.version {
            Version::Later(number, from) => (later(*number, from), Some(check(ident, from))),
            Version::First | Version::Unknown => (first(), None),
        };
        quote! {
            #[allow(unused_qualifications)]
            const _: () = {
                use #runtime::__private as __es;

                #[automatically_derived]
                impl __es::Event for #ident {
                    const NAME: &'static __es::str = #name;
                    #aliases
                    const ORIGIN: __es::Origin = __es::origin!(#ident);
                    #version
                }
                #check
                __es::register!(event #ident #(#doc)*);
            };
        }
    }

    /// Empty when name or version are not known: the runtime's checks pass over such an event, so that
    /// it is not blamed twice.
    fn name(&self) -> TokenStream {
        match (&self.name, &self.version) {
            (Some(name), Version::First | Version::Later(..)) => name.to_token_stream(),
            _ => quote!(""),
        }
    }
}

fn first() -> TokenStream {
    quote! {
        type Previous = __es::Genesis;
        const UPCAST: fn(__es::Genesis) -> Self = __es::from_nothing;
    }
}

fn later(version: u16, from: &Path) -> TokenStream {
    let span = args::span_of_name(from);
    let previous = quote_spanned!(span=> type Previous = #from;);
    let upcast = quote_spanned!(span=> <Self as __es::Upcast<#from>>::upcast);
    quote! {
        const VERSION: __es::u16 = #version;
        #previous
        const UPCAST: fn(#from) -> Self = #upcast;
    }
}

fn check(ident: &Ident, from: &Path) -> TokenStream {
    let check = quote_spanned!(args::span_of_name(from)=> __es::expect_link::<#ident>());
    quote!(const _: () = #check;)
}

const VERSION: &str = "a version is a number from 1 to 65535";

fn version_of(
    number: Option<LitInt>,
    from: Option<Path>,
    no_version: bool,
    no_from: bool,
) -> syn::Result<Version> {
    let Some(literal) = number else {
        let message = "`from` is the previous version, so say which `version` this one is";
        return match from {
            Some(from) if no_version => Err(Error::new_spanned(from, message)),
            None if no_version && no_from => Ok(Version::First),
            _ => Ok(Version::Unknown),
        };
    };
    let number = literal.base10_parse::<u16>().ok().filter(|number| *number > 0);
    match (number.ok_or_else(|| Error::new_spanned(&literal, VERSION))?, from) {
        (1, None) => Ok(Version::First),
        (1, Some(from)) => Err(Error::new_spanned(from, "version 1 comes `from` nothing")),
        (number, Some(from)) => Ok(Version::Later(number, from)),
        (number, None) if no_from => {
            let older = number - 1;
            let message = format!(
                "version {number} needs `from = <the type of version {older}>`, \
                 or events stored before cannot be read"
            );
            Err(Error::new_spanned(literal, message))
        }
        (_, None) => Ok(Version::Unknown),
    }
}

/// Drops aliases that are no names, or say nothing new.
fn keep_aliases(aliases: &mut Vec<LitStr>, name: Option<&LitStr>, errors: &mut Errors) {
    let mut names: Vec<String> = name.map(LitStr::value).into_iter().collect();
    aliases.retain(|alias| {
        let is_new = !names.contains(&alias.value());
        if !is_new {
            errors.at(alias, "this event is already stored under this name");
        }
        names.push(alias.value());
        is_new && errors.keep(args::check_name(alias)).is_some()
    });
}

/// Those of serde's derives that the user did not write as `Serialize` or `serde::Serialize`.
fn missing_derives(attrs: &[Attribute]) -> Vec<&'static str> {
    let mut missing = vec!["Serialize", "Deserialize"];
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        // What is not a list of paths is rustc's to report.
        let _ = attr.parse_nested_meta(|meta| {
            let mut names = meta.path.segments.iter().rev().map(|segment| segment.ident.to_string());
            let derive = names.next();
            if names.next().is_none_or(|owner| owner.starts_with("serde")) {
                missing.retain(|name| derive.as_deref() != Some(*name));
            }
            Ok(())
        });
    }
    missing
}
