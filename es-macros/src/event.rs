//! `#[event("stored.name", version = 2, from = Older, alias = "old.name", into(One, Other))]`

use crate::args::{self, Args};
use crate::errors::Errors;
use crate::fate::{self, Fate};
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Attribute, Data, DeriveInput, Error, Ident, LitInt, LitStr, Path};

const KEYS: &[&str] = &["version", "from", "try_from", "alias", "into", "retired", "crate"];

/// A well-formed event, or the nearest one to what was written.
struct Event {
    ident: Ident,
    name: Option<LitStr>,
    aliases: Vec<LitStr>,
    version: Version,
    fate: Fate,
    /// Which of serde's derives the user did not write.
    derives: Vec<&'static str>,
    doc: Vec<LitStr>,
    runtime: TokenStream,
}

enum Version {
    First,
    /// A number above 1, and the hop that leads to it.
    Later(u16, Hop),
    /// What was written about it is wrong.
    Unknown,
}

/// The type that is one version older, and whether it may be refused.
struct Hop {
    from: Path,
    is_fallible: bool,
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
        let (mut version, mut from, mut try_from) = (None::<LitInt>, None, None);
        let (mut aliases, mut runtime, mut retired) = (Vec::new(), None, None::<LitStr>);
        let (mut parts, mut into) = (None, None);
        let mut args = Args::new(tokens, KEYS, Span::call_site(), errors);
        let name = args.name("order.placed");
        while let Some(arg) = args.next() {
            match arg.key.to_string().as_str() {
                "version" => args.fill(&mut version, arg, VERSION),
                "from" => args.fill(&mut from, arg, "`from` is a type: `from = OrderPlacedV1`"),
                "try_from" => {
                    args.fill(&mut try_from, arg, "`try_from` is a type: `try_from = OrderPlacedV1`");
                }
                "alias" => {
                    let mut alias = None::<LitStr>;
                    args.fill(&mut alias, arg, "an alias is a stored name: `alias = \"order.settled\"`");
                    aliases.extend(alias);
                }
                "into" => {
                    args.types(&mut parts, &arg, &fate::PARTS);
                    into = Some(arg.key);
                }
                "retired" => args.fill(&mut retired, arg, fate::REASON),
                "crate" => args.fill(&mut runtime, arg, "`crate` is a path: `crate = my_crate::es`"),
                _ => args.unknown(&arg),
            }
        }
        let (no_version, no_hop) = (args.lacks("version"), args.lacks("from") && args.lacks("try_from"));
        let hop = hop_of(from, try_from, errors);
        let version = errors.keep(version_of(version, hop, no_version, no_hop));
        let fate = Fate::of(into, parts.unwrap_or_default(), retired, errors);
        keep_aliases(&mut aliases, name.as_ref(), errors);
        Self {
            ident: input.ident.clone(),
            name,
            aliases,
            version: version.unwrap_or(Version::Unknown),
            fate,
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
            Version::Later(number, hop) => (later(*number, hop), Some(check(ident, &hop.from))),
            Version::First | Version::Unknown => (first(), None),
        };
        let (fate, former) = self.fate.impls(ident);
        let entry = if matches!(self.fate, Fate::Current) { quote!(event) } else { quote!(former) };
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
                    #fate
                }
                #former
                #check
                __es::register!(#entry #ident #(#doc)*);
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
        const UPCAST: __es::Hop<__es::Genesis, Self> = __es::from_nothing;
    }
}

fn later(version: u16, Hop { from, is_fallible }: &Hop) -> TokenStream {
    let span = args::span_of_name(from);
    let previous = quote_spanned!(span=> type Previous = #from;);
    let upcast = match is_fallible {
        false => quote_spanned!(span=> <Self as __es::Upcast<#from>>::hop),
        true => quote_spanned!(span=> <Self as __es::TryUpcast<#from>>::try_upcast),
    };
    quote! {
        const VERSION: __es::u16 = #version;
        #previous
        const UPCAST: __es::Hop<#from, Self> = #upcast;
    }
}

fn check(ident: &Ident, from: &Path) -> TokenStream {
    let check = quote_spanned!(args::span_of_name(from)=> __es::expect_link::<#ident>());
    quote!(const _: () = #check;)
}

impl Hop {
    /// The argument that says it.
    const fn word(&self) -> &'static str {
        if self.is_fallible { "try_from" } else { "from" }
    }
}

fn hop_of(from: Option<Path>, try_from: Option<Path>, errors: &mut Errors) -> Option<Hop> {
    if let (Some(_), Some(second)) = (&from, &try_from) {
        let message = "a version has one hop that leads to it: `from` if it cannot fail, else `try_from`";
        errors.at(second, message);
    }
    let hop = |is_fallible| move |from| Hop { from, is_fallible };
    from.map(hop(false)).or_else(|| try_from.map(hop(true)))
}

const VERSION: &str = "a version is a number from 1 to 65535";

fn version_of(
    number: Option<LitInt>,
    hop: Option<Hop>,
    no_version: bool,
    no_hop: bool,
) -> syn::Result<Version> {
    let Some(literal) = number else {
        return match hop {
            Some(hop) if no_version => {
                let word = hop.word();
                let message = format!("`{word}` is the previous version, so say which `version` this one is");
                Err(Error::new_spanned(hop.from, message))
            }
            None if no_version && no_hop => Ok(Version::First),
            _ => Ok(Version::Unknown),
        };
    };
    let number = literal.base10_parse::<u16>().ok().filter(|number| *number > 0);
    match (number.ok_or_else(|| Error::new_spanned(&literal, VERSION))?, hop) {
        (1, None) => Ok(Version::First),
        (1, Some(hop)) => {
            let message = format!("version 1 comes `{}` nothing", hop.word());
            Err(Error::new_spanned(hop.from, message))
        }
        (number, Some(hop)) => Ok(Version::Later(number, hop)),
        (number, None) if no_hop => {
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
