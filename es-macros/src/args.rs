//! `"stored.name", key = value, key(...)`: what stands between the parentheses of an attribute.

use crate::errors::Errors;
use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use std::collections::{HashSet, VecDeque};
use std::str::FromStr;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Error, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Meta, MetaNameValue, Path};

/// The longest stored name, in bytes: what every store and broker can carry.
const LONGEST: usize = 200;

/// Arguments that wait to be read, one stream each, so that a bad one cannot hide those after it.
pub(crate) struct Args<'e> {
    waiting: VecDeque<TokenStream>,
    keys: &'static [&'static str],
    seen: Vec<String>,
    attribute: Span,
    pub(crate) errors: &'e mut Errors,
}

/// What a list of types says about itself.
pub(crate) struct List {
    /// How it is written.
    pub(crate) usage: &'static str,
    /// What is said at a type that stands in it twice.
    pub(crate) twice: &'static str,
    /// What is said when it names nothing, unless it may.
    pub(crate) empty: Option<&'static str>,
}

/// A key, and what follows it up to the next comma.
pub(crate) struct Arg {
    pub(crate) key: Ident,
    rest: TokenStream,
}

impl Parse for Arg {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        Ok(Self { key: input.call(Ident::parse_any)?, rest: input.parse()? })
    }
}

/// The lines of a doc comment.
pub(crate) fn doc(attrs: &[Attribute]) -> Vec<LitStr> {
    let docs = attrs.iter().filter(|attr| attr.path().is_ident("doc"));
    docs.filter_map(|attr| match &attr.meta {
        Meta::NameValue(MetaNameValue { value: Expr::Lit(ExprLit { lit: Lit::Str(line), .. }), .. }) => {
            Some(line.clone())
        }
        _ => None,
    })
    .collect()
}

impl<'e> Args<'e> {
    /// The arguments in `tokens`. What is missing altogether is reported at `attribute`.
    pub(crate) fn new(
        tokens: TokenStream,
        keys: &'static [&'static str],
        attribute: Span,
        errors: &'e mut Errors,
    ) -> Self {
        Self { waiting: split(tokens), keys, seen: Vec::new(), attribute, errors }
    }

    /// The stored name, which comes first.
    pub(crate) fn name(&mut self, example: &str) -> Option<LitStr> {
        let first = self.waiting.pop_front().unwrap_or_default();
        match leading::<LitStr>(first.clone()) {
            Ok((name, rest)) => {
                self.expect_comma(rest);
                self.errors.keep(check_name(&name)).map(|()| name)
            }
            Err(_) => {
                let message = format!(
                    "start with the name to store, such as `\"{example}\"`; \
                     it outlives the Rust name, so it is never inferred"
                );
                self.errors.push(Error::new(span_of_first(&first, self.attribute), message));
                // What stands in its place may be an argument all the same.
                if syn::parse2::<Arg>(first.clone()).is_ok_and(|arg| self.knows(&arg.key)) {
                    self.waiting.push_front(first);
                }
                None
            }
        }
    }

    /// The next argument that has a key.
    pub(crate) fn next(&mut self) -> Option<Arg> {
        while let Some(tokens) = self.waiting.pop_front() {
            if let Ok(arg) = syn::parse2::<Arg>(tokens.clone()) {
                self.seen.push(arg.key.to_string());
                return Some(arg);
            }
            let message = format!("expected one of the arguments {}", self.list());
            self.errors.push(Error::new(span_of_first(&tokens, self.attribute), message));
        }
        None
    }

    /// Reads `= value` into `slot`, which is filled once. `expected` says what the value must be.
    pub(crate) fn fill<T: Parse>(&mut self, slot: &mut Option<T>, arg: Arg, expected: &str) {
        let Arg { key, rest } = arg;
        let value = after_equals(rest);
        if value.is_empty() {
            return self.errors.at(&key, format!("`{key}` needs a value: `{key} = ...`"));
        }
        match leading::<T>(value.clone()) {
            Ok(_) if slot.is_some() => self.given_twice(&key),
            Ok((value, rest)) => {
                *slot = Some(value);
                self.expect_comma(rest);
            }
            Err(_) => self.errors.push(Error::new(span_of_first(&value, key.span()), expected)),
        }
    }

    /// What stands between the parentheses of `key(...)`.
    pub(crate) fn group(&mut self, arg: &Arg, usage: &str) -> Option<TokenStream> {
        let mut rest = arg.rest.clone().into_iter();
        match rest.next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                self.expect_comma(rest.collect());
                Some(group.stream())
            }
            _ => {
                self.errors.push(Error::new(span_of_first(&arg.rest, arg.key.span()), usage));
                None
            }
        }
    }

    /// Reads `(Type, Type, ...)` into `slot`, which is filled once.
    pub(crate) fn types(&mut self, slot: &mut Option<Vec<Path>>, arg: &Arg, list: &List) {
        let Some(tokens) = self.group(arg, list.usage) else { return };
        if slot.is_some() {
            return self.given_twice(&arg.key);
        }
        if let Some(empty) = list.empty.filter(|_| tokens.is_empty()) {
            self.missing(empty);
        }
        let mut seen = HashSet::new();
        let mut listed = self.list_of::<Path>(tokens, list.usage);
        listed.retain(|path| {
            let is_new = seen.insert(path.to_token_stream().to_string());
            if !is_new {
                self.errors.at(path, list.twice);
            }
            is_new
        });
        *slot = Some(listed);
    }

    /// Reads `value, value, ...`, reporting `usage` at each part that is none.
    pub(crate) fn list_of<T: Parse>(&mut self, tokens: TokenStream, usage: &str) -> Vec<T> {
        let mut values = Vec::new();
        for part in split(tokens) {
            match leading::<T>(part.clone()) {
                Ok((value, rest)) => {
                    values.push(value);
                    if !rest.is_empty() {
                        self.errors.push(Error::new(span_of_first(&rest, self.attribute), usage));
                    }
                }
                Err(_) => self.errors.push(Error::new(span_of_first(&part, self.attribute), usage)),
            }
        }
        values
    }

    /// Reports an argument with a key that does not exist.
    pub(crate) fn unknown(&mut self, arg: &Arg) {
        let key = arg.key.to_string();
        let nearest = self.keys.iter().map(|known| (edits(&key, known), known)).min();
        let message = match nearest.filter(|(edits, known)| *edits <= 2 && *edits < known.len()) {
            Some((_, near)) => format!("unknown argument `{key}`, did you mean `{near}`?"),
            None => format!("unknown argument `{key}`, expected {}", self.list()),
        };
        self.errors.at(&arg.key, message);
    }

    /// Whether `key` was not given, well or badly, nor anything that may be meant for it.
    pub(crate) fn lacks(&self, key: &str) -> bool {
        self.seen.iter().all(|seen| seen != key && self.keys.contains(&seen.as_str()))
    }

    pub(crate) fn given_twice(&mut self, key: &Ident) {
        self.errors.at(key, format!("`{key}` is given twice"));
    }

    /// Reports that something is missing from the attribute.
    pub(crate) fn missing(&mut self, message: &str) {
        self.errors.push(Error::new(self.attribute, message));
    }

    /// Reports whatever follows an argument before the next comma, and reads it if it is an argument.
    fn expect_comma(&mut self, rest: TokenStream) {
        if rest.is_empty() {
            return;
        }
        self.errors.push(Error::new(span_of_first(&rest, self.attribute), "expected `,`"));
        if syn::parse2::<Arg>(rest.clone()).is_ok_and(|arg| self.knows(&arg.key)) {
            self.waiting.push_front(rest);
        }
    }

    fn knows(&self, key: &Ident) -> bool {
        self.keys.iter().any(|known| key == known)
    }

    fn list(&self) -> String {
        format!("`{}`", self.keys.join("`, `"))
    }
}

/// Refuses names that a store or a broker could not carry.
pub(crate) fn check_name(name: &LitStr) -> syn::Result<()> {
    let text = name.value();
    let travels = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let message = match text.chars().find(|c| !travels(*c)) {
        _ if text.is_empty() => "a stored name cannot be empty".to_owned(),
        Some(c) => {
            format!("a stored name has ASCII letters, digits, `.`, `_` and `-`, but not {c:?}")
        }
        None if text.len() > LONGEST => {
            format!("a stored name has at most {LONGEST} bytes, this one has {}", text.len())
        }
        None => return Ok(()),
    };
    Err(Error::new_spanned(name, message))
}

/// Refuses a reason that gives none.
pub(crate) fn check_reason(reason: &LitStr, usage: &str) -> syn::Result<()> {
    match reason.value().trim() {
        "" => Err(Error::new_spanned(reason, usage)),
        _ => Ok(()),
    }
}

/// The number that `literal` is, or `message` at it.
pub(crate) fn above_zero<N: FromStr + Default + PartialEq>(
    literal: &LitInt,
    message: &str,
) -> syn::Result<N> {
    let number = literal.base10_digits().parse::<N>().ok();
    number.filter(|number| *number != N::default()).ok_or_else(|| Error::new_spanned(literal, message))
}

/// The path by which generated code reaches the runtime.
pub(crate) fn runtime(path: Option<Path>) -> TokenStream {
    path.map_or_else(|| quote!(::es_runtime), Path::into_token_stream)
}

/// Where to report that a type does not fit: at its name, whatever path leads there.
pub(crate) fn span_of_name(path: &Path) -> Span {
    path.segments.last().map_or_else(Span::call_site, |name| name.ident.span())
}

fn span_of_first(tokens: &TokenStream, otherwise: Span) -> Span {
    tokens.clone().into_iter().next().map_or(otherwise, |first| first.span())
}

/// The value at the start of `tokens`, and the tokens after it.
fn leading<T: Parse>(tokens: TokenStream) -> syn::Result<(T, TokenStream)> {
    (|input: ParseStream| Ok((input.parse()?, input.parse()?))).parse2(tokens)
}

/// What follows `=`, or nothing.
fn after_equals(tokens: TokenStream) -> TokenStream {
    let mut tokens = tokens.into_iter();
    match tokens.next() {
        Some(TokenTree::Punct(equals)) if equals.as_char() == '=' => tokens.collect(),
        _ => TokenStream::new(),
    }
}

/// Splits at the commas that are not inside `<...>`. One that follows nothing stands for itself.
fn split(tokens: TokenStream) -> VecDeque<TokenStream> {
    let mut parts = VecDeque::from([TokenStream::new()]);
    let (mut depth, mut is_arrow) = (0_usize, false);
    for token in tokens {
        let mut ends = false;
        if let TokenTree::Punct(punct) = &token {
            match punct.as_char() {
                '<' => depth += 1,
                '>' if !is_arrow => depth = depth.saturating_sub(1),
                ',' => ends = depth == 0,
                _ => {}
            }
            is_arrow = punct.as_char() == '-' && punct.spacing() == Spacing::Joint;
        }
        if let Some(part) = parts.back_mut()
            && (!ends || part.is_empty())
        {
            part.extend([token]);
        }
        if ends {
            parts.push_back(TokenStream::new());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

/// How many letters to put in, leave out or replace to turn one word into the other.
pub(crate) fn edits(word: &str, known: &str) -> usize {
    let known: Vec<char> = known.chars().collect();
    // `edits[j]`: from the letters of `word` read so far to the first `j` letters of `known`.
    let mut edits: Vec<usize> = (0..=known.len()).collect();
    for (i, letter) in word.chars().enumerate() {
        let mut before = edits[0];
        edits[0] = i + 1;
        for j in 0..known.len() {
            let replaced = before + usize::from(letter != known[j]);
            before = edits[j + 1];
            edits[j + 1] = replaced.min(before + 1).min(edits[j] + 1);
        }
    }
    edits[known.len()]
}
