//! An order whose events have a past: one was two at once, one said too much, one is nobody's concern any more.

use es_runtime::prelude::*;

#[event("order.placed")]
#[derive(Debug, PartialEq)]
pub struct Placed {
    pub cents: u64,
}

#[event("order.paid")]
#[derive(Debug, PartialEq)]
pub struct Paid {
    pub cents: u64,
}

#[event("order.item_added")]
#[derive(Debug, PartialEq)]
pub struct ItemAdded {
    pub sku: String,
}

/// Until there were orders that are paid later. It was perhaps not paid at all: then `paid` is 0.
#[event("order.bought", version = 2, from = BoughtV1, into(Placed, Vec<ItemAdded>, Option<Paid>))]
pub struct Bought {
    pub cents: u64,
    pub paid: u64,
    pub items: Vec<String>,
}

#[event("order.bought")]
pub struct BoughtV1 {
    pub cents: u64,
    pub item: String,
}

impl From<BoughtV1> for Bought {
    fn from(old: BoughtV1) -> Self {
        Self { cents: old.cents, paid: old.cents, items: vec![old.item] }
    }
}

impl From<Bought> for (Placed, Vec<ItemAdded>, Option<Paid>) {
    fn from(old: Bought) -> Self {
        let items = old.items.into_iter().map(|sku| ItemAdded { sku }).collect();
        (Placed { cents: old.cents }, items, (old.paid > 0).then_some(Paid { cents: old.paid }))
    }
}

/// It told more than anybody asked for.
#[event("order.settled", into(Paid))]
pub struct Settled {
    pub cents: u64,
    pub clerk: String,
}

impl From<Settled> for Paid {
    fn from(old: Settled) -> Self {
        Self { cents: old.cents }
    }
}

#[event("order.flagged", alias = "order.marked", retired = "flags moved to the risk service")]
pub struct Flagged {
    pub by: String,
}

#[derive(Aggregate, Default, Debug)]
#[aggregate("order", id = String, events(Placed, Paid, ItemAdded), past(Bought, Settled, Flagged))]
pub struct Order {
    pub seen: Vec<String>,
}

impl Apply<Placed> for Order {
    fn apply(&mut self, event: &Placed) {
        self.seen.push(format!("placed {}", event.cents));
    }
}

impl Apply<Paid> for Order {
    fn apply(&mut self, event: &Paid) {
        self.seen.push(format!("paid {}", event.cents));
    }
}

impl Apply<ItemAdded> for Order {
    fn apply(&mut self, event: &ItemAdded) {
        self.seen.push(format!("added {}", event.sku));
    }
}

/// What older programs stored, and what there is to be seen of it.
pub const STORED: [super::stored::Stored<'_>; 6] = [
    ("order.bought", 1, r#"{"cents":5,"item":"tea"}"#),
    ("order.flagged", 1, r#"{"by":"Ada"}"#),
    ("order.bought", 2, r#"{"cents":7,"paid":0,"items":["jam","pot"]}"#),
    ("order.settled", 1, r#"{"cents":7,"clerk":"Bob"}"#),
    // Their shape is nobody's concern any more, nor is their version.
    ("order.marked", 9, "no JSON"),
    ("order.paid", 1, r#"{"cents":1}"#),
];

pub const SEEN: [&str; 8] =
    ["placed 5", "added tea", "paid 5", "placed 7", "added jam", "added pot", "paid 7", "paid 1"];
