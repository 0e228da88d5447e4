//! `#[derive(Aggregate)] #[aggregate("order", id = OrderId, events(OrderPlaced, OrderPaid), past(OrderFlagged))]`

use crate::args::{self, Arg, Args, List};
use crate::errors::Errors;
use crate::past::{self, PastEvent};
use proc_macro2::{Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Field, Ident, LitInt, LitStr, Path, Type};

const KEYS: &[&str] = &["id", "events", "past", "revision", "snapshot", "commands", "crate"];

/// A well-formed aggregate, or the nearest one to what was written.
struct Aggregate {
    ident: Ident,
    name: LitStr,
    id: Option<Type>,
    events: Vec<Path>,
    commands: Vec<Path>,
    past: Vec<PastEvent>,
    revision: Option<u32>,
    snapshot: Option<Snapshot>,
    doc: Vec<LitStr>,
    runtime: TokenStream,
}

/// How often a snapshot is taken, of which fields, and where that was said.
struct Snapshot {
    every: u64,
    fields: String,
    span: Span,
}

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match item_of(item) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let mut errors = Errors::default();
    let aggregate = Aggregate::parse(&input, &mut errors);
    let impls = aggregate.impls();
    quote!(#errors #impls)
}

/// Refuses types whose expansion would only add noise.
fn item_of(item: TokenStream) -> syn::Result<DeriveInput> {
    let input = syn::parse2::<DeriveInput>(item)?;
    if let Data::Union(data) = &input.data {
        return Err(Error::new_spanned(data.union_token, "only a struct or an enum can be an aggregate"));
    }
    if !input.generics.params.is_empty() {
        let message = "an aggregate cannot be generic, because its events are stored under one name";
        return Err(Error::new_spanned(&input.generics, message));
    }
    Ok(input)
}

impl Aggregate {
    fn parse(input: &DeriveInput, errors: &mut Errors) -> Self {
        let ident = input.ident.clone();
        let name = LitStr::new(&ident.to_string(), ident.span());
        let runtime = args::runtime(None);
        let mut aggregate = Self {
            ident,
            name,
            id: None,
            events: Vec::new(),
            commands: Vec::new(),
            past: Vec::new(),
            revision: None,
            snapshot: None,
            doc: args::doc(&input.attrs),
            runtime,
        };
        let mut attrs = input.attrs.iter().filter(|attr| attr.path().is_ident("aggregate"));
        match attrs.next() {
            Some(attr) => aggregate.read(attr, input, errors),
            None => errors.at(
                &input.ident,
                "say what to fold: `#[aggregate(\"order\", id = OrderId, events(OrderPlaced, ...))]`",
            ),
        }
        attrs.for_each(|second| errors.at(second, "`#[aggregate(...)]` is given twice"));
        aggregate
    }

    fn read(&mut self, attr: &Attribute, input: &DeriveInput, errors: &mut Errors) {
        let Some(list) = errors.keep(attr.meta.require_list()) else { return };
        let (mut events, mut past, mut commands) = (None::<Vec<Path>>, None, None::<Vec<Path>>);
        let (mut revision, mut runtime) = (None::<LitInt>, None);
        let mut args = Args::new(list.tokens.clone(), KEYS, args::span_of_name(attr.path()), errors);
        let name = args.name("order");
        while let Some(arg) = args.next() {
            match arg.key.to_string().as_str() {
                "id" => args.fill(&mut self.id, arg, "`id` is a type: `id = OrderId`"),
                "events" => args.types(&mut events, &arg, &LISTED),
                "commands" => args.types(&mut commands, &arg, &COMMANDS),
                "past" => past::read(&mut past, &mut args, &arg),
                "revision" => args.fill(&mut revision, arg, REVISION),
                "snapshot" => read_snapshot(&mut self.snapshot, &mut args, &arg, input),
                "crate" => args.fill(&mut runtime, arg, "`crate` is a path: `crate = my_crate::es`"),
                _ => args.unknown(&arg),
            }
        }
        if args.lacks("id") {
            args.missing("missing `id = <type>`, the type that tells one aggregate from another");
        }
        if args.lacks("events") {
            args.missing(NO_EVENTS);
        }
        self.events = events.unwrap_or_default();
        self.commands = commands.unwrap_or_default();
        self.past = past.unwrap_or_default();
        past::refuse_current(&mut self.past, &self.events, errors);
        self.revision = revision.and_then(|literal| errors.keep(args::above_zero(&literal, REVISION)));
        self.name = name.unwrap_or_else(|| self.name.clone());
        self.runtime = args::runtime(runtime);
    }

    fn impls(&self) -> TokenStream {
        let Self { ident, name, events, commands, doc, runtime, .. } = self;
        let id = match &self.id {
            Some(id) => quote_spanned!(id.span()=> type Id = #id;),
            None => quote!(
                type Id = __es::u32;
            ),
        };
        let revision = self.revision.map(|revision| quote!(const REVISION: __es::u32 = #revision;));
        let snapshot = self.snapshot.as_ref().map(Snapshot::plan);
        let folds =
            events.iter().map(|event| quote_spanned!(args::span_of_name(event)=> __es::Fold::of::<#event>()));
        let past = past::Written::of(ident, events.len(), &self.past);
        let past::Written { table, members: past_members, covers: past_covers, rows: past_rows } = past;
        let members = events.iter().enumerate().map(|(position, event)| self.member(position, event));
        // Spanned so that rustc points at the event, and does not advise to write the impl by hand.
        let followed = quote_spanned!(ident.span()=> __es::FollowedBy<__F>);
        let covers =
            events.iter().map(|event| quote_spanned!(args::span_of_name(event)=> __es::Covers<#event>));
        let handled = commands.iter().map(|command| {
            quote_spanned!(args::span_of_name(command)=>
                const _: () = __es::expect_handled::<#ident, #command>();
            )
        });
        quote! {
            #[allow(unused_qualifications)]
            const _: () = {
                use #runtime::__private as __es;

                #[automatically_derived]
                impl __es::Aggregate for #ident {
                    const NAME: &'static __es::str = #name;
                    const EVENTS: &'static [__es::Fold<Self>] = &[#(#folds),*];
                    #table
                    #revision
                    #snapshot
                    #id
                }
                #(#members)*
                #(#handled)*
                __es::register!(aggregate #ident (#(#commands),*) #(#doc)*);
                #past_members
                impl<__F: __es::Follower> #followed for #ident where __F: #(#covers)+* #past_covers {
                    const FOLLOWED: __es::Followed<__F> =
                        __es::Followed::new(#name, &[#(__es::Row::of::<#events>()),*]) #past_rows;
                }
            };
        }
    }

    /// Everything that can be wrong with one event is said at its name.
    fn member(&self, position: usize, event: &Path) -> TokenStream {
        let ident = &self.ident;
        let span = args::span_of_name(event);
        let member = quote_spanned! {span=>
            impl __es::EventOf<#ident> for #event {
                const APPLY: fn(&mut #ident, &Self) = __es::Apply::apply;
            }
        };
        let unique = (position > 0).then(|| {
            let position = Literal::usize_unsuffixed(position);
            quote_spanned!(span=> const _: () = __es::expect_unique::<#ident>(#position);)
        });
        quote!(#member #unique)
    }
}

impl Snapshot {
    fn plan(&self) -> TokenStream {
        let Self { every, fields, span } = self;
        let plan = quote_spanned!(*span=> __es::SnapshotPlan::new(#every, #fields));
        quote! {
            const SNAPSHOT: ::core::option::Option<__es::SnapshotPlan<Self>> = __es::Some(#plan);
        }
    }
}

const NO_EVENTS: &str = "missing `events(...)`, the events this aggregate is folded from";
const LISTED: List = List {
    usage: "list the types of the events: `events(OrderPlaced, OrderShipped)`",
    twice: "this event is already listed",
    empty: Some(NO_EVENTS),
};
const COMMANDS: List = List {
    usage: "list the types of the commands: `commands(PayOrder, ShipOrder)`",
    twice: "this command is already listed",
    empty: None,
};
const REVISION: &str = "a revision is a number from 1 to 4294967295";
const EVERY: &str = "say after how many events a snapshot is taken: `snapshot(every = 100)`";

fn read_snapshot(snapshot: &mut Option<Snapshot>, args: &mut Args<'_>, arg: &Arg, state: &DeriveInput) {
    let Some(tokens) = args.group(arg, EVERY) else { return };
    if snapshot.is_some() {
        return args.given_twice(&arg.key);
    }
    let span = arg.key.span();
    let mut every = None::<LitInt>;
    let mut inner = Args::new(tokens, &["every"], span, args.errors);
    while let Some(arg) = inner.next() {
        if arg.key == "every" {
            inner.fill(&mut every, arg, EVERY);
        } else {
            inner.unknown(&arg);
        }
    }
    if inner.lacks("every") {
        inner.missing(EVERY);
    }
    refuse_skipped(state, args);
    let every = every.and_then(|every| {
        args.errors.keep(args::above_zero(&every, "a snapshot is taken after 1 event or more"))
    });
    *snapshot = every.map(|every| Snapshot { every, fields: fields_of(state), span });
}

/// A snapshot has what serde writes: a field that it skips would be as new after a load from one.
fn refuse_skipped(state: &DeriveInput, args: &mut Args<'_>) {
    let fields: Vec<&Field> = match &state.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    };
    for attr in fields.iter().flat_map(|field| &field.attrs).filter(|attr| attr.path().is_ident("serde")) {
        let Ok(list) = attr.meta.require_list() else { continue };
        let skip = list.tokens.clone().into_iter().find(|token| match token {
            TokenTree::Ident(word) => SKIPS.iter().any(|skip| word == skip),
            _ => false,
        });
        if let Some(skip) = skip {
            args.errors.at(skip, SKIPPED);
        }
    }
}

const SKIPS: [&str; 3] = ["skip", "skip_serializing", "skip_deserializing"];

const SKIPPED: &str = "a snapshot would lose this field, and a load from one differ from a replay; \
                       keep the field, or leave `snapshot(...)` out";

/// The fields' names and types, and what serde is told about them: as long as the text is the same,
/// so is the shape of a snapshot.
fn fields_of(state: &DeriveInput) -> String {
    let fields = match &state.data {
        Data::Struct(data) => join(data.fields.iter().enumerate().map(field)),
        Data::Enum(data) => join(data.variants.iter().map(|variant| {
            let fields = join(variant.fields.iter().enumerate().map(field));
            format!("{}{}({fields})", serde_of(&variant.attrs), variant.ident)
        })),
        Data::Union(_) => String::new(),
    };
    // Where a compiler puts blanks between tokens is its own affair.
    format!("{}{fields}", serde_of(&state.attrs)).split_whitespace().collect()
}

fn field((position, field): (usize, &Field)) -> String {
    let name = field.ident.as_ref().map_or_else(|| position.to_string(), Ident::to_string);
    format!("{}{name}:{}", serde_of(&field.attrs), field.ty.to_token_stream())
}

fn serde_of(attrs: &[Attribute]) -> String {
    let serde = attrs.iter().filter(|attr| attr.path().is_ident("serde"));
    serde.map(|attr| attr.to_token_stream().to_string()).collect()
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}
