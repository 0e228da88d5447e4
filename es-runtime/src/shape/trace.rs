//! Tries values until a type has shown everything it is made of.

use super::guesses::probes;
use super::learned::{Error, Learned, Run};
use super::tracer::Tracer;
use super::{Content, Reach, Shape, Untraceable, field, variant};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::cell::RefCell;

/// After so many tries a type is given up.
const TRIES: usize = 3000;

/// The shape of `T`, which takes each of the samples.
pub(crate) fn trace<T: DeserializeOwned>(samples: &[Value]) -> Result<Shape, Untraceable> {
    let learned = RefCell::default();
    let mut shape = Shape::Unseen;
    for sample in samples {
        try_until_taken::<T>(&mut shape, Some(sample), &learned)?;
    }
    let explored = explore::<T>(&mut shape, &learned);
    if samples.is_empty() {
        explored?;
    }
    learned.borrow_mut().forced = None;
    probe::<T>(&mut shape, samples, &learned);
    Ok(shape)
}

/// Tries guesses, until every variant was seen.
fn explore<T: DeserializeOwned>(shape: &mut Shape, learned: &RefCell<Learned>) -> Result<(), Untraceable> {
    loop {
        let before = shape.clone();
        try_until_taken::<T>(shape, None, learned)?;
        if *shape == before || shape.unseen() == 0 {
            return Ok(());
        }
    }
}

fn try_until_taken<T: DeserializeOwned>(
    shape: &mut Shape,
    sample: Option<&Value>,
    learned: &RefCell<Learned>,
) -> Result<(), Untraceable> {
    let mut reason = String::new();
    for _ in 0..TRIES {
        let outcome = try_once::<T>(shape, sample, learned);
        let mut learned = learned.borrow_mut();
        let Err(error) = outcome else {
            let taken = std::mem::take(&mut learned.run.taken);
            // What was taken is offered first from now on.
            learned.turns.clear();
            shape.leaves("", &mut |path, leaf| {
                for (_, value) in taken.iter().filter(|(other, _)| other == path) {
                    if !leaf.accepted.contains(value) {
                        leaf.accepted.push(value.clone());
                    }
                }
            });
            return Ok(());
        };
        let last = learned.run.offered.last().map(|offer| offer.path.clone()).unwrap_or_default();
        reason = error.to_string();
        let goes_on = match error {
            Error::Twice => {
                let name = learned.run.last_field.clone();
                learned.aliases.insert(name)
            }
            Error::Endless => {
                let holder = learned.run.holders.last().cloned();
                holder.is_some_and(|holder| learned.empty.insert(holder)) || learned.next_guess()
            }
            Error::Wants(_, names) if !learned.named.contains_key(&last) => {
                learned.turns.remove(&last);
                learned.named.insert(last.clone(), names).is_none()
            }
            Error::Said(_) | Error::Wants(..) => learned.next_guess(),
        };
        if goes_on {
            continue;
        }
        // A variant without a value does not keep the others from having one.
        let variant = learned.run.variants.last().cloned();
        let given_up = variant.is_some_and(|(path, name)| give_up(shape, "", &path, name));
        if !given_up {
            return Err(Untraceable { path: last, reason });
        }
        learned.turns.clear();
    }
    Err(Untraceable { path: String::new(), reason: format!("{TRIES} tries were not enough: {reason}") })
}

fn try_once<T: DeserializeOwned>(
    shape: &mut Shape,
    sample: Option<&Value>,
    learned: &RefCell<Learned>,
) -> Result<(), Error> {
    learned.borrow_mut().run = Run::default();
    T::deserialize(Tracer { shape, sample, path: String::new(), learned }).map(drop)
}

/// Marks a variant as unusable, if it is there.
fn give_up(shape: &mut Shape, at: &str, path: &str, name: &str) -> bool {
    match shape {
        Shape::Enum(_, variants) => variants.iter_mut().any(|(each, content)| {
            if at == path && *each == name {
                let is_new = *content != Content::Unusable;
                *content = Content::Unusable;
                return is_new;
            }
            match content {
                Content::Shape(shape) => give_up(shape, &variant(at, each), path, name),
                _ => false,
            }
        }),
        Shape::Option(inner) => give_up(inner, at, path, name),
        Shape::List(inner) => give_up(inner, &format!("{at}[]"), path, name),
        Shape::Map(_, value) => give_up(value, &format!("{at}{{}}"), path, name),
        Shape::Tuple(items) => {
            let mut each = items.iter_mut().enumerate();
            each.any(|(i, item)| give_up(item, &field(at, &i.to_string()), path, name))
        }
        Shape::Struct(_, fields, _) => {
            fields.iter_mut().any(|(each, shape)| give_up(shape, &field(at, each), path, name))
        }
        Shape::Unseen | Shape::Unit | Shape::Leaf(_) | Shape::Again(_) => false,
    }
}

/// Finds out which leaves take more than what was offered.
fn probe<T: DeserializeOwned>(shape: &mut Shape, samples: &[Value], learned: &RefCell<Learned>) {
    let mut leaves = Vec::new();
    shape.leaves("", &mut |path, leaf| leaves.push((path.to_owned(), leaf.kind)));
    for (path, kind) in leaves {
        let mut takes = |value: Value| {
            learned.borrow_mut().forced = Some((path.clone(), value));
            let bases = samples.iter().map(Some).chain([None]);
            let mut is_taken = false;
            for base in bases {
                let mut copy = shape.clone();
                let outcome = try_once::<T>(&mut copy, base, learned);
                if learned.borrow().run.was_forced {
                    is_taken = outcome.is_ok();
                    break;
                }
            }
            learned.borrow_mut().forced = None;
            is_taken
        };
        let (modest, extreme) = probes(kind);
        let is_modest = !modest.is_empty() && modest.into_iter().all(&mut takes);
        let is_full = is_modest && extreme.into_iter().all(&mut takes);
        let reach = match (is_modest, is_full) {
            (_, true) => Reach::Full,
            (true, _) => Reach::Modest,
            _ => Reach::Accepted,
        };
        shape.leaves("", &mut |other, leaf| {
            if other == path {
                leaf.reach = reach;
            }
        });
    }
}
